/** What `farrier config init` writes: every key with its default, the ones to change first not commented out. */
export const SAMPLE_CONFIG = `# farrier.yaml: what Farrier serves. Check it with: farrier config check
# Unknown keys are errors. Paths are relative to this file.

# Database and boot files.
dataDir: /var/lib/farrier

# The key of the stored passwords of BMCs and PDUs. Made on the first start. Keep a copy apart from dataDir.
# keyFile: farrier.key

# Web page, API and boot files.
# http: { listen: "0.0.0.0:5240" }

# Whether the kernel cuts TFTP windows into packets (several times less CPU), where it can.
# tftp: { segmentation: auto }       # auto | off

# How much of what each machine's serial console says is kept; the oldest goes first.
# consoles: { keepMiB: 16 }

# DHCP is answered on these interfaces and nowhere else.
networks:
  - name: rack1
    interface: eth1
    subnet: 10.77.0.0/24
    # address: 10.77.0.1             # ours; default: read from the interface
    # dhcp: full                     # full | proxy | off
    # authoritative: true            # refuse addresses of other networks at once
    pools: ["10.77.0.100-10.77.0.199"]
    # router: 10.77.0.1
    # dns: ["10.77.0.1"]
    # leaseS: 3600                   # seconds, 120 or more
    # probe: arp                     # arp | ping | none: asks before an address is given
    # unknown: enlist                # ignore | enlist | local-disk: machines nobody has accepted

# Subnets behind a DHCP relay: the same keys with giaddr (the relay's address there) in place of interface.
# relayed:
#   - { name: rack2, giaddr: 10.78.0.1, subnet: 10.78.0.0/24, pools: ["10.78.0.50-10.78.0.99"], unknown: ignore }

# Folders whose boards and power drivers shadow the shipped ones.
# boards: [ ./site/boards ]
# powerDrivers: [ ./site/power-drivers ]

# What may be fetched by URL (always with a digest): https from the open Internet, and from these hosts of your own.
# fetch: { http: false, hosts: [ mirror.lab ] }

# Kernel-argument words for every machine.
# siteArgs: [ "panic=30" ]

# Seconds within which the next step of a boot is due: first packet after "on", address, first file, the next file, the
# first word of the booted system, its end. After that the timeline says where it stopped.
# bootDeadlines: { heardS: 120, addressS: 30, firstFileS: 30, nextFileS: 60, callS: 240, bootedS: 600 }

# Every machine is asked for its power state about this often, in seconds; 0: never by itself.
# power: { pollS: 60 }
`;
