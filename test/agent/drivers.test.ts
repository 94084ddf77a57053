import { strict as assert } from 'node:assert';
import { DRIVER_NAMES, wantsDriver } from '../../agent/drivers.ts';
import { moduleName } from '../../server/core/module-name.ts';

describe('the drivers an agent carries', () => {
  it('names are written as the kernel writes them, each a word', () => {
    for (const name of DRIVER_NAMES) assert.equal(name, moduleName(`${name}.ko`));
    for (const name of DRIVER_NAMES) assert.match(name, /^[a-z0-9_]+$/);
  });

  it('QEMU boards, servers and the boards of the stories are covered', () => {
    for (const name of ['virtio_net', 'e1000', 'xgene_enet', 'ahci_xgene', 'mvneta', 'hns3', 'nicvf', 'igb', 'nvme'])
      assert.ok(wantsDriver('arm64', `drivers/x/${name}.ko`, name), name);
  });

  it('PHYs come whole everywhere, clocks and regulators on ARM only, wireless never', () => {
    assert.ok(wantsDriver('amd64', 'drivers/net/phy/realtek.ko', 'realtek'));
    assert.ok(wantsDriver('armhf', 'drivers/regulator/gpio-regulator.ko', 'gpio_regulator'));
    assert.ok(!wantsDriver('amd64', 'drivers/regulator/gpio-regulator.ko', 'gpio_regulator'));
    assert.ok(!wantsDriver('arm64', 'drivers/net/wireless/ath/ath9k/ath9k.ko', 'ath9k'));
  });
});
