/**
 * A fence agent in shell with the metadata real ones have. It notes its input and its arguments beside itself; `lines`
 * see `$action`, `$password`, `$plug` and `$ipport`.
 */
export function shellAgent(lines: string, actions: readonly string[] = ['on', 'off', 'reboot', 'status']): string {
  const names = ['action', 'ip', 'ipport', 'username', 'password', 'community', 'snmp_priv_passwd', 'plug'];
  const parameters = [...names, 'lanplus', 'retry_on', 'power_timeout']
    .map((name) => `<parameter name="${name}" unique="0" required="0"></parameter>`)
    .join('');
  const named = actions.map((name) => `<action name="${name}" />`).join('');
  const metadata = `<resource-agent><parameters>${parameters}</parameters><actions>${named}</actions></resource-agent>`;
  return `#!/bin/sh
here=\${0%/*}
echo "$*" >> "$here/args"
if [ "$1 $2" = "-o metadata" ]; then echo '${metadata}'; exit 0; fi
while IFS='=' read -r name value; do
  echo "$name=$value" >> "$here/input"
  case $name in action) action=$value ;; password) password=$value ;; plug) plug=$value ;; ipport) ipport=$value ;; esac
done
${lines}
`;
}

/** For `shellAgent`: a machine on plug 3 of a device on port 4001, in files beside the agent; `mode` says how it misbehaves. */
export const STATEFUL = `
mode=$(cat "$here/mode" 2>/dev/null)
refuse() { echo "2026-11-20 21:00:00,123 ERROR: $1" >&2; exit 1; }
turn() { echo "$1" > "$here/next"; echo 0 > "$here/due"; echo "$1" > "$here/power"; }
[ "\${ipport:-4001}" = 4001 ] || refuse 'Connection timed out'
case $mode in
  silent) (exec sleep 3001) & exec sleep 3000 ;;
  slow) sleep 1 ;;
  flood) exec yes ;;
  flapping) date +%N | grep -q '[02468]$' || refuse 'Connection lost' ;;
esac
[ "$password" = "canary-fence-1" ] || refuse 'Unable to connect/login to fencing device'
[ "$plug" = 3 ] || refuse 'Failed: Unable to obtain correct plug status or plug is not available'
case $action/$mode in
  status/half) echo 'Stat'; kill -9 $$ ;;
  status/*)
    [ -e "$here/due" ] && [ "$(date +%s)" -ge "$(cat "$here/due")" ] && cp "$here/next" "$here/power"
    if [ "$(cat "$here/power" 2>/dev/null)" = on ]; then echo 'Status: ON'; exit 0; fi
    echo 'Status: OFF'; exit 2 ;;
  */lies) ;;
  */late) echo "$action" > "$here/next"; echo $(($(date +%s) + 2)) > "$here/due" ;;
  */half) turn "$action"; kill -9 $$ ;;
  reboot/*) turn off; turn on ;;
  *) turn "$action" ;;
esac
exit 0
`;
