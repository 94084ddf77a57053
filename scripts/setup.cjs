// Runs before `npm start` and `npm test`: installs what they need and builds, once per change.
// CommonJS and old syntax on purpose: it must parse on any Node to print a useful message.
var fs = require('fs'),
  path = require('path'),
  cp = require('child_process'),
  crypto = require('crypto');
var v = process.versions.node.split('.').map(Number);
if (v[0] < 20 || (v[0] === 20 && v[1] < 19)) {
  console.error('Farrier needs Node 20.19 or newer, found ' + process.version);
  process.exit(1);
}
var need = require('./need-debian.cjs'),
  needDebian = need.needDebian,
  has = need.has;
var root = path.join(__dirname, '..');
var say = function (words) {
  console.error('farrier: ' + words);
};
var read = function (file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (e) {
    return '';
  }
};

if (process.argv.indexOf('--test') >= 0) needDebian('test', 'npm test');
if (process.argv.indexOf('--start') >= 0) needDebian('start', 'npm start');

var stamp = path.join(root, 'node_modules', '.setup-stamp');
var key = crypto
  .createHash('sha256')
  .update(read(path.join(root, 'package-lock.json')))
  .update(process.version + process.arch)
  .digest('hex');
if (read(stamp) !== key) {
  if (!(has('g++') && has('make') && has('python3'))) needDebian('build', 'building better-sqlite3');
  var env = Object.assign({}, process.env),
    prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  if (!env.npm_config_nodedir && fs.existsSync(path.join(prefix, 'include', 'node', 'node_api.h')))
    env.npm_config_nodedir = prefix;
  say('first run: installing packages (about a minute, once) ...');
  var r = cp.spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: env,
  });
  if (r.status !== 0) {
    say('npm ci failed, see above. On Debian the usual cure is: apt-get install build-essential python3');
    process.exit(1);
  }
  fs.writeFileSync(stamp, key);
}

/** The newest change below the source folders; dist/ is built again when something is newer than its stamp. */
function newest(dir) {
  return fs.readdirSync(dir, { withFileTypes: true }).reduce(function (max, entry) {
    var file = path.join(dir, entry.name);
    if (entry.isDirectory()) return Math.max(max, newest(file));
    return /\.(ts|json)$/.test(entry.name) ? Math.max(max, fs.statSync(file).mtimeMs) : max;
  }, 0);
}
var sources = ['server', 'power-drivers', 'lab', 'agent'].map(function (dir) {
  return path.join(root, dir);
});
var built = path.join(root, 'dist', '.built');
var latest = Math.max.apply(
  null,
  sources
    .filter(fs.existsSync)
    .map(newest)
    .concat([fs.statSync(path.join(root, 'tsconfig.build.json')).mtimeMs]),
);
if (!fs.existsSync(built) || fs.statSync(built).mtimeMs < latest) {
  say('building ...');
  fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  var tsc = cp.spawnSync(
    process.execPath,
    [path.join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  );
  if (tsc.status !== 0) process.exit(1);
  fs.writeFileSync(built, '');
}
