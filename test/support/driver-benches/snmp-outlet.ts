import snmp from 'net-snmp';
import { startPretendSnmpPdu } from '../../../lab/pretend/snmp-outlet.ts';
import { snmpOutlet } from '../../../power-drivers/snmp-outlet.ts';
import { realClock } from '../../../server/edges/real-clock.ts';
import type { DriverBench } from '../driver-bench.ts';

/** net-snmp's agent as an APC rack PDU, asked with SNMPv3, for versions 1 and 2c answer a wrong secret with silence. */
export async function startBench(): Promise<DriverBench> {
  const [name, authKey] = ['farrier', 'canary-auth-key'];
  const writer = {
    name,
    level: snmp.SecurityLevel.authNoPriv,
    authProtocol: snmp.AuthProtocols['sha'] ?? 0,
    authKey,
  };
  const outlet = 3;
  const pdu = await startPretendSnmpPdu({ clock: realClock, outlet, access: { writers: [writer], readers: [] } });
  const who = { version: '3', user: name, authProtocol: 'sha', authKey };
  return {
    driver: snmpOutlet,
    parameters: { host: '127.0.0.1', port: pdu.port, ...who, model: 'apc-rpdu', outlet },
    secretField: 'authKey',
    truth: () => Promise.resolve(pdu.machine.isOn() ? 'on' : 'off'),
    misbehave: (how) => {
      pdu.misbehave(how);
      return Promise.resolve();
    },
    seen: () => pdu.seen(),
    close: () => {
      pdu.close();
      return Promise.resolve();
    },
  };
}
