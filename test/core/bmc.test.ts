import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { formatIpv4 } from '../../server/core/address.ts';
import { bmcUserOrders, parseBmc, type Bmc } from '../../server/core/bmc.ts';

/** What ipmitool 1.8.19 prints of a BMC of OpenIPMI's ipmi_sim 2.0.33. */
const SECTIONS = {
  'bmc-info': [
    'Device ID                 : 0',
    'Firmware Revision         : 9.08',
    'Manufacturer ID           : 4753',
    'Manufacturer Name         : MontaVista Software, Inc.',
  ],
  'bmc-channels': [
    'Channel 0x1 info:',
    '  Channel Medium Type   : 802.3 LAN',
    '  Channel Protocol Type : IPMB-1.0',
    'Channel 0xf info:',
    '  Channel Medium Type   : Serial/Modem',
  ],
  'bmc-lan': [
    'Set in Progress         : Set Complete',
    'Auth Type Enable        : Callback : NONE MD5 PASSWORD ',
    'IP Address Source       : Static Address',
    'IP Address              : 10.0.0.5',
    'MAC Address             : 52:54:00:00:00:99',
  ],
  'bmc-users': [
    '1,,true,false,false,USER',
    '2,admin,true,false,true,ADMINISTRATOR',
    '3,,true,false,false,Unknown (0x00)',
    '4,,true,false,false,Unknown (0x00)',
  ],
};
type Section = keyof typeof SECTIONS;

const raw = (change: Partial<Record<Section, readonly string[]>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries({ ...SECTIONS, ...change }).map(([name, lines]) => [name, lines.join('\n')]));

const ordersOf = (bmc: Bmc): string => {
  const orders = bmcUserOrders(bmc, 'abcdefgh12345678');
  return orders.ok ? orders.value : `no: ${orders.error}`;
};

describe('BMCs seen from the inside', () => {
  it('address, LAN channel, maker, firmware and users', () => {
    const bmc = parseBmc(raw());
    assert.equal(formatIpv4(bmc.address ?? assert.fail()), '10.0.0.5');
    assert.deepEqual([bmc.channel, bmc.manufacturer, bmc.firmware], [1, 'MontaVista Software, Inc.', '9.08']);
    assert.deepEqual(
      bmc.users.map(({ id, name }) => `${id}:${name}`),
      ['1:', '2:admin', '3:', '4:'],
    );
  });

  it('the orders: name, password, access on the LAN channel as operator, SOL, and the first free place', () => {
    assert.equal(
      ordersOf(parseBmc(raw())),
      [
        'user set name 3 farrier',
        'user set password 3 abcdefgh12345678 16',
        'channel setaccess 1 3 callin=off ipmi=on link=off privilege=3',
        'sol payload enable 1 3',
        'user enable 3',
        '',
      ].join('\n'),
    );
  });

  const tables: readonly (readonly [string, Partial<Record<Section, readonly string[]>>, RegExp])[] = [
    [
      'a user of ours from before is taken over',
      { 'bmc-users': ['2,x,,', '3,y,,', '7,farrier,,'] },
      /^user set name 7 /,
    ],
    ['the administrator’s place is never taken', { 'bmc-users': ['1,,,', '2,,,'] }, /no: none of its 2 places/],
    ['all places taken', { 'bmc-users': ['2,a,,', '3,b,,'] }, /no: none of its 2 places for users is free/],
    [
      'no LAN channel',
      { 'bmc-channels': ['Channel 0xf info:', '  Channel Medium Type : Serial/Modem'] },
      /no: the BMC has no LAN channel/,
    ],
    [
      'the LAN is channel 8',
      { 'bmc-channels': ['Channel 0x8 info:', ' Channel Medium Type : 802.3 LAN'] },
      /setaccess 8 3 /,
    ],
    ['no address yet', { 'bmc-lan': ['IP Address              : 0.0.0.0'] }, /no: the BMC has no address/],
    ['nothing at all', { 'bmc-info': [], 'bmc-channels': [], 'bmc-lan': [], 'bmc-users': [] }, /^no: /],
  ];
  for (const [title, change, want] of tables)
    it(title, () => {
      assert.match(ordersOf(parseBmc(raw(change))), want);
    });

  it('property: hostile text never becomes an order of its own', () => {
    const text = fc.array(fc.string({ maxLength: 60, unit: 'binary' }), { maxLength: 8 });
    fc.assert(
      fc.property(text, text, text, text, (info, channels, lan, users) => {
        const orders = ordersOf(
          parseBmc(
            raw({
              'bmc-info': info,
              'bmc-channels': [...channels, ...SECTIONS['bmc-channels']],
              'bmc-lan': [...SECTIONS['bmc-lan'], ...lan],
              'bmc-users': users,
            }),
          ),
        );
        if (orders.startsWith('no: ')) return;
        assert.match(
          orders,
          /^user set name (\d+) farrier\nuser set password \1 abcdefgh12345678 16\nchannel setaccess \d+ \1 callin=off ipmi=on link=off privilege=3\nsol payload enable \d+ \1\nuser enable \1\n$/,
        );
      }),
    );
  });
});
