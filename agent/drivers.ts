/**
 * Which kernel modules go into the agent: whatever may stand between a board and its first packet, and the disks it
 * is asked about. Names that a kernel package does not have are passed over; what they need comes along by itself.
 */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Network cards. */
const NICS = words(`
  virtio_net vmxnet3 e100 e1000 e1000e igb igbvf igc ixgbe ixgbevf i40e iavf ice
  r8169 8139cp 8139too tg3 bnx2 bnx2x bnxt_en b44 genet bna
  mlx4_en mlx5_core qede qlcnic qla3xxx netxen_nic cxgb4 cxgb4vf sfc sfc_siena be2net enic ena gve mana hinic niu
  atlantic alx atl1c atl1e sky2 skge jme lan743x forcedeth via_rhine via_velocity pcnet32 ne2k_pci tulip sis900
  hns3 hclge hclgevf hns_dsaf hns_enet_drv hns_mdio hip04_eth hix5hd2_gmac hisi_femac
  xgene_enet xgene_enet_v2 nicpf nicvf thunder_bgx thunder_xcv amd_xgbe macb netsec qcom_emac ftgmac100 xgmac
  dwmac_generic dwmac_rk dwmac_sun8i dwmac_sunxi dwmac_meson dwmac_meson8b dwmac_altr_socfpga dwmac_stm32
  dwmac_ipq806x dwmac_qcom_ethqos dwmac_imx dwmac_intel stmmac_platform
  fec fsl_dpaa2_eth fsl_enetc fsl_enetc_vf fsl_enetc_mdio xgmac_mdio mvneta mvpp2 mv643xx_eth mvmdio
  ti_cpsw ti_cpsw_new ti_am65_cpsw_nuss ti_davinci_emac davinci_mdio sun4i_emac smsc911x smc911x smc91x
`);

/** Network cards on USB, for boards that have nothing else. */
const USB_NICS = words(`
  lan78xx smsc95xx smsc75xx asix ax88179_178a aqc111 r8152 r8153_ecm cdc_ether cdc_ncm cdc_eem rndis_host dm9601
`);

/** Disks and what they hang on. */
const DISKS = words(`
  virtio_blk virtio_scsi vmw_pvscsi nvme sd_mod usb_storage uas
  ahci ahci_platform ahci_xgene ahci_mvebu ahci_sunxi ahci_imx ahci_ceva ahci_qoriq ahci_tegra ahci_seattle ahci_dwc
  sata_highbank sata_mv sata_sil sata_sil24 sata_nv sata_via sata_svw sata_promise ata_piix ata_generic
  mpt3sas mptsas mptspi megaraid_sas hpsa smartpqi aacraid hisi_sas_main hisi_sas_v1_hw hisi_sas_v2_hw hisi_sas_v3_hw
  mmc_block sdhci_pci sdhci_acpi sdhci_of_arasan sdhci_of_dwcmshc sdhci_of_esdhc sdhci_of_aspeed sdhci_esdhc_imx
  sdhci_iproc sdhci_pxav3 sdhci_tegra sdhci_xenon_driver sdhci_am654 sdhci_msm sdhci_f_sdh30 sdhci_omap omap_hsmmc
  sunxi_mmc dw_mmc_pltfm dw_mmc_rockchip dw_mmc_exynos dw_mmc_k3 meson_gx_mmc meson_mx_sdio mvsdio bcm2835 armmmci
`);

/** Buses and hosts that the above hang on. */
const BUSES = words(`
  virtio_pci virtio_mmio xhci_pci xhci_plat_hcd xhci_tegra ehci_pci ehci_platform ehci_orion ehci_exynos ehci_omap
  ohci_pci ohci_platform ohci_exynos uhci_hcd dwc2 dwc3 dwc3_of_simple ci_hdrc_imx sunxi
`);

/** The way to a BMC: the system interfaces of IPMI 2.0 (KCS, SMIC, BT by ipmi_si; SSIF), and the device programs ask. */
const BMCS = words('ipmi_si ipmi_ssif ipmi_devintf acpi_ipmi');

/** Modules wanted by name, on every architecture. */
export const DRIVER_NAMES: ReadonlySet<string> = new Set([...NICS, ...USB_NICS, ...DISKS, ...BUSES, ...BMCS]);

/** Folders (below `kernel/`) wanted whole: PHYs are small, and which one a board has shows late. */
const FOLDERS = words('drivers/net/phy/ drivers/net/mdio/ drivers/net/pcs/');

/** On ARM a network card may wait for a clock, a regulator or a reset line that is a module. */
const ARM_FOLDERS = words(`
  drivers/phy/ drivers/clk/ drivers/regulator/ drivers/reset/ drivers/pci/ drivers/bus/ drivers/gpio/ drivers/pinctrl/
  drivers/i2c/busses/ drivers/soc/ drivers/dma/
`);

/** Whether a module, by its path below `kernel/` and its name, is wanted for its own sake. */
export function wantsDriver(arch: 'amd64' | 'arm64' | 'armhf', path: string, name: string): boolean {
  const folders = arch === 'amd64' ? FOLDERS : [...FOLDERS, ...ARM_FOLDERS];
  return DRIVER_NAMES.has(name) || folders.some((folder) => path.startsWith(folder));
}
