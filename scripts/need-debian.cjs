// Installs Debian packages when root on Debian or Ubuntu; otherwise names them in one line that can be pasted.
// `node scripts/need-debian.cjs LIST WHY` does so for a list of debian-packages.json.
// CommonJS and old syntax on purpose, as setup.cjs.
var fs = require('fs'),
  path = require('path'),
  cp = require('child_process');
var say = function (words) {
  console.error('farrier: ' + words);
};
var has = function (tool) {
  return (process.env.PATH + ':/usr/sbin:/sbin').split(':').some(function (dir) {
    return fs.existsSync(path.join(dir, tool));
  });
};
var isDebian = function () {
  try {
    return /debian|ubuntu/.test(fs.readFileSync('/etc/os-release', 'utf8')) && has('apt-get');
  } catch (e) {
    return false;
  }
};

/** Ends the process with 1 when they are not here and cannot be installed. */
function needDebian(list, why) {
  var packages = JSON.parse(fs.readFileSync(path.join(__dirname, 'debian-packages.json'), 'utf8'))[list];
  var missing = packages.filter(function (name) {
    return (
      cp.spawnSync('dpkg-query', ['-W', '-f=${db:Status-Status}', name], { encoding: 'utf8' }).stdout !== 'installed'
    );
  });
  if (missing.length === 0) return;
  if (!isDebian() || process.getuid() !== 0) {
    console.error(
      'farrier: ' +
        why +
        ' needs Debian packages that are not here. Paste:\n  sudo apt-get install --no-install-recommends ' +
        missing.join(' '),
    );
    process.exit(1);
  }
  say('installing Debian packages for ' + why + ': ' + missing.join(' '));
  var env = Object.assign({}, process.env, { DEBIAN_FRONTEND: 'noninteractive' });
  var apt = function (args) {
    return cp.spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env: env }).status === 0;
  };
  if (!(apt(['-q', 'update']) && apt(['-qy', '--no-install-recommends', 'install'].concat(missing)))) {
    say('apt-get failed, see above');
    process.exit(1);
  }
}
module.exports = { needDebian: needDebian, has: has };
if (require.main === module) needDebian(process.argv[2], process.argv[3]);
