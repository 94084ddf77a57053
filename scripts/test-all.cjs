// `npm test`: every suite, also after one that failed, so that one run tells all that is wrong; a line each at the end.
// CommonJS and old syntax on purpose, as setup.cjs.
var cp = require('child_process');
var suites = ['test:unit', 'test:packages', 'test:lab', 'test:e2e'];
var ends = suites.map(function (suite) {
  var began = Date.now();
  var run = cp.spawnSync('npm', ['run', suite], { stdio: 'inherit' });
  if (run.signal) process.kill(process.pid, run.signal);
  var minutes = ((Date.now() - began) / 60000).toFixed(1);
  return {
    passed: run.status === 0,
    words: suite + (run.status === 0 ? ' passed' : ' FAILED') + ', ' + minutes + ' min',
  };
});
ends.forEach(function (end) {
  console.log('farrier: ' + end.words);
});
process.exit(
  ends.every(function (end) {
    return end.passed;
  })
    ? 0
    : 1,
);
