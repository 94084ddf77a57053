/**
 * A fence agent in shell with the metadata real ones have. It notes its input and its arguments beside itself; `lines`
 * see `$action` and `$password`.
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
  case $name in action) action=$value ;; password) password=$value ;; esac
done
${lines}
`;
}

/** A machine in a file beside the agent: `lies` or another word in the file `fault` makes it misbehave. */
export const STATEFUL = `
fault=$(cat "$here/fault" 2>/dev/null)
if [ "$password" != "canary-fence-1" ]; then echo 'ERROR: Unable to connect/login to fencing device' >&2; exit 1; fi
turn() { echo "$1" > "$here/power"; }
case $fault in
  silent) sleep 600 ;;
  slow) sleep 0.5 ;;
  flood) while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done ;;
  flapping) if [ ! -e "$here/flapped" ]; then touch "$here/flapped"; echo 'ERROR: Connection lost' >&2; exit 1; fi; rm "$here/flapped" ;;
esac
case $action in
  status)
    if [ "$fault" = half ]; then echo 'Stat'; kill -9 $$; fi
    if [ "$(cat "$here/power")" = on ]; then echo 'Status: ON'; exit 0; fi
    echo 'Status: OFF'; exit 2 ;;
  on|off)
    case $fault in
      lies) ;;
      late) echo "$action" > "$here/wanted" ;;
      half) turn "$action"; kill -9 $$ ;;
      *) turn "$action" ;;
    esac ;;
  reboot) turn off; turn on ;;
esac
exit 0
`;
