import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ipv4, parseIpv4, type Ipv4 } from '../../server/core/address.ts';
import { formatProblem } from '../../server/config/config.ts';
import { checkConfig, loadConfig, loadSettings } from '../../server/config/load.ts';
import { SAMPLE_CONFIG } from '../../server/config/sample.ts';
import { showSettings } from '../../server/config/show.ts';

const FILE = '/etc/farrier/farrier.yaml';

function at(text: string): Ipv4 {
  const parsed = parseIpv4(text);
  return parsed.ok ? parsed.value : ipv4(0);
}

/** The problems of a text, as an operator reads them, without the file's name. */
function problems(text: string): readonly string[] {
  const checked = checkConfig(FILE, text);
  return checked.ok ? [] : checked.error.map((each) => formatProblem(each).slice(FILE.length + 1));
}

/** One network with some lines exchanged; the first line of the network is line 2. */
function network(lines: Readonly<Record<string, string | undefined>>): string {
  const all: Record<string, string | undefined> = {
    name: 'rack1',
    interface: 'eth1',
    subnet: '10.77.0.0/24',
    pools: '["10.77.0.100-10.77.0.199"]',
    ...lines,
  };
  const body = Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`]));
  return `networks:\n  - ${body.join('\n    ')}\n`;
}

describe('config: what is taken', () => {
  it('a small file, with its defaults', () => {
    const checked = checkConfig(FILE, network({}));
    assert.ok(checked.ok);
    assert.deepEqual(checked.value.config, {
      file: FILE,
      dataDir: '/var/lib/farrier',
      keyFile: '/etc/farrier/farrier.key',
      http: { address: 0, port: 5240 },
      networks: [
        {
          name: 'rack1',
          interface: 'eth1',
          giaddr: undefined,
          subnet: { network: at('10.77.0.0'), prefix: 24 },
          address: undefined,
          dhcp: 'full',
          authoritative: true,
          pools: [{ first: at('10.77.0.100'), last: at('10.77.0.199') }],
          router: undefined,
          dns: [],
          leaseS: 3600,
          probe: 'arp',
          unknown: 'enlist',
        },
      ],
      boards: [],
      powerDrivers: [],
      fetch: { http: false, hosts: [] },
      siteArgs: [],
      bootDeadlines: { heardS: 120, addressS: 30, firstFileS: 30, nextFileS: 60, callS: 240, bootedS: 600 },
      consoles: { keepMiB: 16 },
      power: { pollS: 60 },
      tftp: { segmentation: 'auto' },
    });
  });

  it('a full file, with a relayed network and folders of its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'farrier-config-'));
    mkdirSync(join(folder, 'site', 'boards'), { recursive: true });
    const file = join(folder, 'farrier.yaml');
    writeFileSync(
      file,
      `dataDir: data
keyFile: ./keys/vault
http: { listen: "127.0.0.1:8080" }
${network({ address: '10.77.0.1', router: '10.77.0.254', dns: '["9.9.9.9"]', leaseS: '120', authoritative: 'false' })}
relayed:
  - { name: rack2, giaddr: 10.78.0.1, subnet: 10.78.0.0/24, pools: ["10.78.0.50"], unknown: ignore }
boards: [ ./site/boards ]
siteArgs: [ "panic=30", "console=tty0" ]
`,
    );
    const loaded = loadConfig(file);
    rmSync(folder, { recursive: true });
    assert.ok(loaded.ok);
    const { dataDir, keyFile, http, networks, boards, siteArgs } = loaded.value;
    assert.deepEqual([dataDir, keyFile], [join(folder, 'data'), join(folder, 'keys', 'vault')]);
    assert.deepEqual(http, { address: at('127.0.0.1'), port: 8080 });
    assert.deepEqual([boards, siteArgs], [[join(folder, 'site', 'boards')], ['panic=30', 'console=tty0']]);
    const [direct, relayed] = networks;
    assert.deepEqual([direct?.address, direct?.authoritative], [at('10.77.0.1'), false]);
    assert.deepEqual(relayed?.pools, [{ first: at('10.78.0.50'), last: at('10.78.0.50') }]);
    assert.deepEqual([relayed.interface, relayed.giaddr, relayed.probe], [undefined, at('10.78.0.1'), 'ping']);
  });

  it('the file that `config init` writes', () => {
    assert.deepEqual(problems(SAMPLE_CONFIG), []);
  });

  it('the same file with everything commented in, but the folders', () => {
    const all = SAMPLE_CONFIG.replace(
      /^( *)# ((?:keyFile|http|address|dhcp|authoritative|router|dns|leaseS|probe|unknown|relayed|siteArgs):| {2}- \{)/gm,
      '$1$2',
    );
    assert.ok(all.includes('\nrelayed:\n  - {'), all);
    assert.deepEqual(problems(all), []);
  });
});

describe('config: what is refused, and where', () => {
  const second = (lines: string): string => `${network({})}  - ${lines}\n`;
  const cases: readonly (readonly [string, string, readonly (string | RegExp)[]])[] = [
    ['an empty file', '', [/^1:1: networks: is missing; it must be a list$/]],
    ['a list in place of a map', '- a', [/^1:1: must be a map/]],
    ['no network', 'networks: []', [/^1:11: networks: needs at least one entry$/]],
    [
      'a slip in a key',
      network({ adress: '10.77.0.1' }),
      ['6:5: networks[0]: unknown key "adress"; did you mean "address"?'],
    ],
    ['a slip at the top', `datadir: /x\n${network({})}`, ['1:1: unknown key "datadir"; did you mean "dataDir"?']],
    [
      'a word nobody knows',
      `colour: red\n${network({})}`,
      [/^1:1: unknown key "colour"; known here are dataDir, keyFile, http/],
    ],
    ['two slips at once', network({ leases: '5', pool: '[]' }), [/did you mean "leaseS"/, /did you mean "pools"/]],
    ['a key given twice', network({ 'subnet ': '10.0.0.0/24' }), [/^6:5: not valid YAML: Map keys must be unique$/]],
    ['YAML that ends too soon', 'networks: [', [/^\d+:\d+: not valid YAML/]],
    ['a tab for a blank', 'networks:\n\t- name: x', [/^2:1: not valid YAML: .*[Tt]ab/]],
    ['an alias bomb', `a: &a [x,x]\nb: &b [*a,*a]\n${network({})}`, [/unknown key "a"/, /unknown key "b"/]],
    [
      'a missing subnet',
      network({ subnet: undefined }),
      [/^2:5: networks\[0\]\.subnet: is missing; it must be a text$/],
    ],
    [
      'host bits in a subnet',
      network({ subnet: '10.77.0.1/24' }),
      [/^4:13: networks\[0\]\.subnet: .*the subnet is 10\.77\.0\.0\/24$/],
    ],
    [
      'a subnet of the whole world',
      network({ subnet: '0.0.0.0/0', pools: undefined }),
      [/use a prefix from \/8 to \/30$/],
    ],
    ['a subnet too small for two hosts', network({ subnet: '10.77.0.0/31', pools: undefined }), [/\/8 to \/30$/]],
    [
      'an address with a leading zero',
      network({ router: '10.77.0.01' }),
      [/^6:13: networks\[0\]\.router: .*write it like/],
    ],
    ['a number where a text belongs', network({ router: '10' }), [/^6:13: networks\[0\]\.router: must be a text$/]],
    [
      'an address outside the subnet',
      network({ address: '10.78.0.1' }),
      [/^6:14: networks\[0\]\.address: our own address 10\.78\.0\.1 is not a host of 10\.77\.0\.0\/24/],
    ],
    [
      'the broadcast address as router',
      network({ router: '10.77.0.255' }),
      [/the router 10\.77\.0\.255 is not a host/],
    ],
    [
      'a pool that runs backwards',
      network({ pools: '["10.77.0.9-10.77.0.1"]' }),
      [/^5:13: networks\[0\]\.pools\[0\]: .*lower address first$/],
    ],
    [
      'a pool that leaves the subnet',
      network({ pools: '["10.77.0.9-10.77.1.9"]' }),
      [/^5:13: networks\[0\]\.pools\[0\]: the pool .* reaches outside/],
    ],
    ['a pool with the broadcast address', network({ pools: '["10.77.0.9-10.77.0.255"]' }), [/reaches outside/]],
    [
      'a pool that holds our address',
      network({ address: '10.77.0.150' }),
      [/^5:13: .*holds our own address 10\.77\.0\.150; leave it out/],
    ],
    ['a pool that holds the router', network({ router: '10.77.0.199' }), [/holds the router 10\.77\.0\.199/]],
    [
      'pools that overlap',
      network({ pools: '["10.77.0.5-10.77.0.9", "10.77.0.9"]' }),
      [/^5:36: networks\[0\]\.pools\[1\]: .*overlaps 10\.77\.0\.5-10\.77\.0\.9; join them$/],
    ],
    ['no pool for strangers', network({ pools: undefined }), [/^2:5: networks\[0\]: strangers need addresses/]],
    ['pools without DHCP', network({ dhcp: '"off"' }), [/"dhcp: off" gives no addresses/]],
    [
      'a DHCP mode nobody knows',
      network({ dhcp: 'on' }),
      [/^6:11: networks\[0\]\.dhcp: must be one of full, proxy, off$/],
    ],
    ['a lease of a second', network({ leaseS: '1' }), [/^6:13: networks\[0\]\.leaseS: must be at least 120$/]],
    ['a lease with a fraction', network({ leaseS: '600.5' }), [/leaseS: must be a whole number$/]],
    [
      'a name with a blank',
      network({ name: 'rack one' }),
      [/^2:11: networks\[0\]\.name: .*letters, digits and dashes$/],
    ],
    ['an interface with a slash', network({ interface: 'eth/1' }), [/networks\[0\]\.interface: .*`ip link`/]],
    [
      'a name used twice',
      second('{ name: rack1, interface: eth2, subnet: 10.0.0.0/24, unknown: ignore }'),
      [/^6:13: networks\[1\]\.name: .*used twice/],
    ],
    [
      'an interface used twice',
      second('{ name: b, interface: eth1, subnet: 10.0.0.0/24, unknown: ignore }'),
      [/^6:27: networks\[1\]\.interface: .*serves "rack1" already/],
    ],
    [
      'subnets that overlap',
      second('{ name: b, interface: eth2, subnet: 10.77.0.128/25, unknown: ignore }'),
      [/networks\[1\]\.subnet: 10\.77\.0\.128\/25 overlaps 10\.77\.0\.0\/24 of "rack1"/],
    ],
    [
      'a relay that overlaps',
      `${network({})}relayed:\n  - { name: b, giaddr: 10.0.0.1, subnet: 10.0.0.0/8, unknown: ignore }\n`,
      [/^7:\d+: relayed\[0\]\.subnet: .*overlaps/],
    ],
    [
      'a relay outside its subnet',
      `${network({})}relayed:\n  - { name: b, giaddr: 10.1.0.1, subnet: 10.0.0.0/24, unknown: ignore }\n`,
      [/^7:24: relayed\[0\]\.giaddr: the relay's address 10\.1\.0\.1 is not a host/],
    ],
    [
      'ARP through a router',
      `${network({})}relayed:\n  - { name: b, giaddr: 10.0.0.1, subnet: 10.0.0.0/24, unknown: ignore, probe: arp }\n`,
      [/relayed\[0\]\.probe: must be one of ping, none$/],
    ],
    [
      'a relay with an interface',
      `${network({})}relayed:\n  - { name: b, giaddr: 10.0.0.1, subnet: 10.0.0.0/24, unknown: ignore, interface: eth0 }\n`,
      [/unknown key "interface"/],
    ],
    [
      'a port that is none',
      `http: { listen: "0.0.0.0:70000" }\n${network({})}`,
      [/^1:17: http\.listen: .*write it like 0\.0\.0\.0:5240$/],
    ],
    [
      'a slip inside http',
      `http: { listn: "0.0.0.0:80" }\n${network({})}`,
      [/^1:9: http: unknown key "listn"; did you mean "listen"\?$/],
    ],
    [
      'a key file inside the data folder',
      `dataDir: /srv/x\nkeyFile: /srv/x/keys/key\n${network({})}`,
      [/^2:10: keyFile: .*put it outside of \/srv\/x$/],
    ],
    ['the data folder beside the config, key within', `dataDir: .\n${network({})}`, [/keyFile: .*outside/]],
    [
      'a board folder that is not there',
      `boards: [ ./nowhere ]\n${network({})}`,
      [/^1:11: boards\[0\]: there is no folder \/etc\/farrier\/nowhere; make it/],
    ],
    [
      'an argument with a blank',
      `siteArgs: [ "a b" ]\n${network({})}`,
      [/^1:13: siteArgs\[0\]: "a b" is not one kernel-argument word/],
    ],
    ['an argument with a newline', `siteArgs: [ "a\\nb" ]\n${network({})}`, [/siteArgs\[0\]: "a\\nb" is not one/]],
  ];
  for (const [title, text, wanted] of cases)
    it(title, () => {
      const found = problems(text);
      assert.equal(found.length, wanted.length, found.join('\n'));
      wanted.forEach((want, index) => {
        const words = found[index] ?? '';
        assert.ok(typeof want === 'string' ? words === want : want.test(words), words);
      });
    });

  it('a key file whose folder only begins like the data folder is outside of it', () => {
    assert.deepEqual(problems(`dataDir: /srv/x\nkeyFile: /srv/x.key\n${network({})}`), []);
    assert.deepEqual(problems(`dataDir: /srv/x\nkeyFile: /srv/..key\n${network({})}`), []);
  });

  it('a file that is not there tells what to do', () => {
    const loaded = loadConfig('/nowhere/farrier.yaml');
    assert.ok(!loaded.ok);
    assert.deepEqual(loaded.error.map(formatProblem), [
      '/nowhere/farrier.yaml: cannot be read (ENOENT); `farrier config init` writes one to begin with',
    ]);
    assert.ok(!loadSettings('/nowhere/farrier.yaml').ok);
  });

  it('no text is too strange: a config or problems, never an exception', () => {
    const piece = fc.oneof(
      fc.constantFrom(...Array.from('&*!|>{}[]:-#,"\'\n\t '), 'networks:', '<<:', '\u0000'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const checked = checkConfig(FILE, pieces.join(''));
        assert.ok(checked.ok || checked.error.length > 0);
      }),
    );
  });
});

describe('config: where values come from', () => {
  it('each value names its line, or that it is a default', () => {
    const checked = checkConfig(FILE, `dataDir: /srv/farrier\n${network({ unknown: 'ignore' })}`);
    assert.ok(checked.ok);
    const shown = new Map(showSettings(checked.value).map((each) => [each.key, `${each.value} ${each.origin}`]));
    assert.equal(shown.get('dataDir'), '"/srv/farrier" line 1');
    assert.equal(shown.get('keyFile'), '"farrier.key" default');
    assert.equal(shown.get('http.listen'), '"0.0.0.0:5240" default');
    assert.equal(shown.get('networks[0].pools[0]'), '"10.77.0.100-10.77.0.199" line 6');
    assert.equal(shown.get('networks[0].unknown'), '"ignore" line 7');
    assert.equal(shown.get('networks[0].leaseS'), '3600 default');
    assert.equal(shown.get('networks[0].address'), undefined);
    assert.equal(shown.get('boards'), '[] default');
  });
});
