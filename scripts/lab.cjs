// Runs a command in a network (and mount) namespace of its own, where it may bind ports 67 and 69, lay bridges and
// make further namespaces without touching the host. As root directly; otherwise through a user namespace.
// CommonJS and old syntax on purpose: it must parse on any Node.
var cp = require('child_process');
var root = process.getuid && process.getuid() === 0;
var flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
if (!root) flags = ['--user', '--map-root-user'].concat(flags);
var inner =
  'mount -t tmpfs tmpfs /run/netns 2>/dev/null || { mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns; } || mount -t tmpfs tmpfs /run; ' +
  'mkdir -p /run/netns; ip link set lo up; exec "$@"';
var r = cp.spawnSync('unshare', flags.concat(['--', 'sh', '-c', inner, 'lab'], process.argv.slice(2)), {
  stdio: 'inherit',
});
if (r.error) {
  console.error('Cannot make a namespace with unshare (package util-linux): ' + r.error.message);
  process.exit(1);
}
process.exit(r.status === null ? 1 : r.status);
