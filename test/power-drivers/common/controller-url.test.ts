import { strict as assert } from 'node:assert';
import { controllerUrl } from '../../../power-drivers/common/controller-url.ts';
import { PowerError } from '../../../server/ports/power-driver.ts';

describe('the address of a controller', () => {
  const cases: readonly (readonly [string, string, number | undefined, string])[] = [
    ['https', 'bmc-7.lab', undefined, 'https://bmc-7.lab/redfish'],
    ['https', '10.0.0.9', 443, 'https://10.0.0.9/redfish'],
    ['http', '10.0.0.9', 8080, 'http://10.0.0.9:8080/redfish'],
    ['https', 'fd00::9', 8443, 'https://[fd00::9]:8443/redfish'],
  ];
  for (const [scheme, host, port, href] of cases)
    it(href, () => {
      assert.equal(controllerUrl(scheme, host, port, '/redfish').href, href);
    });

  it('an address with its zone is a fault of the setting', () => {
    assert.throws(
      () => controllerUrl('http', 'fe80::1%eth0', 80),
      (error) => error instanceof PowerError && error.code === 'config' && error.message.includes('without its zone'),
    );
  });
});
