/**
 * Which kernel modules go into the agent: whatever may stand between a board and its first packet, and the disks it
 * is asked about. Names that a kernel package does not have are passed over; what they need comes along by itself.
 */

/** Network cards. */
const NICS = [
  ...[
    'virtio_net',
    'vmxnet3',
    'e100',
    'e1000',
    'e1000e',
    'igb',
    'igbvf',
    'igc',
    'ixgbe',
    'ixgbevf',
    'i40e',
    'iavf',
    'ice',
  ],
  ...['r8169', '8139cp', '8139too', 'tg3', 'bnx2', 'bnx2x', 'bnxt_en', 'b44', 'bcmgenet', 'bgmac_platform'],
  ...[
    'mlx4_en',
    'mlx5_core',
    'qede',
    'qlcnic',
    'netxen_nic',
    'cxgb4',
    'sfc',
    'be2net',
    'enic',
    'ena',
    'atlantic',
    'alx',
  ],
  ...[
    'atl1c',
    'atl1e',
    'sky2',
    'skge',
    'forcedeth',
    'via_rhine',
    'via_velocity',
    'pcnet32',
    'ne2k_pci',
    'tulip',
    'sis900',
  ],
  ...[
    'hns3',
    'hns_dsaf',
    'hns_enet_drv',
    'hip04_eth',
    'hix5hd2_gmac',
    'hisi_femac',
    'xgene_enet',
    'xgene_enet_v2',
    'emac',
  ],
  ...[
    'nicpf',
    'nicvf',
    'thunder_bgx',
    'thunder_xcv',
    'octeontx2',
    'rvu_nicpf',
    'rvu_nicvf',
    'amd_xgbe',
    'macb',
    'netsec',
  ],
  ...['stmmac_platform', 'dwmac_generic', 'dwmac_rk', 'dwmac_sun8i', 'dwmac_sunxi', 'dwmac_meson', 'dwmac_meson8b'],
  ...['dwmac_socfpga', 'dwmac_ipq806x', 'dwmac_qcom_ethqos', 'dwmac_imx', 'dwmac_sti', 'dwmac_tegra', 'dwmac_intel'],
  ...[
    'fec',
    'fsl_dpaa_eth',
    'fsl_dpaa2_eth',
    'fsl_enetc',
    'gianfar_driver',
    'mvneta',
    'mvpp2',
    'mv643xx_eth',
    'pxa168_eth',
  ],
  ...[
    'ti_cpsw',
    'ti_cpsw_new',
    'ti_am65_cpsw_nuss',
    'davinci_emac',
    'keystone_netcp',
    'sun4i_emac',
    'xgmac',
    'smsc911x',
  ],
  ...['smc91x', 'dm9000', 'ks8851_mll', 'meson_axg_mdio', 'qcom_emac', 'sh_eth', 'ravb'],
] as const;

/** Network cards on USB, for boards that have nothing else. */
const USB_NICS = [
  'lan78xx',
  'smsc95xx',
  'smsc75xx',
  'asix',
  'ax88179_178a',
  'r8152',
  'cdc_ether',
  'cdc_ncm',
  'dm9601',
] as const;

/** Disks and what they hang on. */
const DISKS = [
  ...[
    'virtio_blk',
    'virtio_scsi',
    'nvme',
    'ahci',
    'ahci_platform',
    'ahci_xgene',
    'ahci_mvebu',
    'ahci_sunxi',
    'ahci_imx',
  ],
  ...[
    'ahci_ceva',
    'ahci_qoriq',
    'ahci_tegra',
    'ahci_brcm',
    'ahci_dm816',
    'ahci_st',
    'sata_highbank',
    'sata_mv',
    'sata_sil24',
  ],
  ...[
    'ata_piix',
    'ata_generic',
    'pata_acpi',
    'sd_mod',
    'mpt3sas',
    'megaraid_sas',
    'hpsa',
    'smartpqi',
    'aacraid',
    'mptsas',
  ],
  ...[
    'mptspi',
    'hisi_sas_main',
    'hisi_sas_v1_hw',
    'hisi_sas_v2_hw',
    'hisi_sas_v3_hw',
    'vmw_pvscsi',
    'usb_storage',
    'uas',
  ],
  ...['mmc_block', 'sdhci_pci', 'sdhci_acpi', 'sdhci_pltfm', 'sdhci_of_arasan', 'sdhci_of_dwcmshc', 'sdhci_of_esdhc'],
  ...['sdhci_esdhc_imx', 'sdhci_iproc', 'sdhci_pxav3', 'sdhci_tegra', 'sdhci_xenon_driver', 'sdhci_am654', 'sdhci_msm'],
  ...['sdhci_cadence', 'sdhci_f_sdh30', 'sdhci_omap', 'omap_hsmmc', 'sunxi_mmc', 'dw_mmc_pltfm', 'dw_mmc_rockchip'],
  ...['dw_mmc_exynos', 'dw_mmc_k3', 'meson_gx_mmc', 'meson_mx_sdio', 'mvsdio', 'bcm2835', 'sdhci_brcmstb'],
] as const;

/** Buses and hosts that the above hang on. */
const BUSES = [
  ...[
    'virtio_pci',
    'virtio_mmio',
    'xhci_pci',
    'xhci_plat_hcd',
    'ehci_pci',
    'ehci_platform',
    'ohci_pci',
    'ohci_platform',
  ],
  ...['uhci_hcd', 'ehci_orion', 'ehci_exynos', 'ohci_exynos', 'dwc2', 'dwc3', 'dwc3_of_simple', 'ci_hdrc_imx', 'sunxi'],
] as const;

/** Modules wanted by name, on every architecture. */
export const DRIVER_NAMES: ReadonlySet<string> = new Set([...NICS, ...USB_NICS, ...DISKS, ...BUSES]);

/** Folders (below `kernel/`) wanted whole, on every architecture: PHYs are small, and which one a board has shows late. */
const FOLDERS = ['drivers/net/phy/', 'drivers/net/mdio/', 'drivers/net/pcs/'] as const;

/** On ARM a network card may wait for a clock, a regulator or a reset line that is a module. */
const ARM_FOLDERS = [
  'phy',
  'clk',
  'regulator',
  'reset',
  'pci',
  'bus',
  'gpio',
  'pinctrl',
  'i2c/busses',
  'soc',
  'dma',
].map((folder) => `drivers/${folder}/`);

/** Whether a module, by its path below `kernel/` and its name, is wanted for its own sake. */
export function wantsDriver(arch: 'amd64' | 'arm64' | 'armhf', path: string, name: string): boolean {
  const folders: readonly string[] = arch === 'amd64' ? FOLDERS : [...FOLDERS, ...ARM_FOLDERS];
  return DRIVER_NAMES.has(name) || folders.some((folder) => path.startsWith(folder));
}
