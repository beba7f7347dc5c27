#!/usr/bin/env bash
# Runs the conformance suite against RabbitMQ's Web-STOMP, the reference that judges the suite
# itself: RabbitMQ 3.10.8 passes 225 of the 251 items. Everything listens on loopback, under a
# node name and ports of its own, and is gone afterwards. Arguments go on to the suite.
set -euo pipefail
cd "$(dirname "$0")/../.."

server=""
for candidate in /usr/lib/rabbitmq/bin/rabbitmq-server "$(command -v rabbitmq-server || true)"; do
  if [ -x "$candidate" ]; then server=$candidate; break; fi
done
if [ -z "$server" ]; then
  echo "rabbitmq-server is not installed; on Debian or Ubuntu: apt-get install rabbitmq-server" >&2
  exit 2
fi

port=${RABBITMQ_WEB_STOMP_PORT:-25674}
home=$(mktemp -d)
export HOME="$home"
export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$((port + 1))
export RABBITMQ_NODENAME=stompway-conformance@localhost
export RABBITMQ_DIST_PORT=$((port + 2)) RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
export RABBITMQ_NODE_PORT=$((port + 3))
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
export RABBITMQ_MNESIA_BASE="$home/mnesia" RABBITMQ_LOG_BASE="$home/log" RABBITMQ_LOGS="$home/log/node"
export RABBITMQ_PID_FILE="$home/pid" RABBITMQ_CONFIG_FILE="$home/rabbitmq"
export RABBITMQ_ENABLED_PLUGINS_FILE="$home/plugins"
echo '[rabbitmq_web_stomp].' >"$home/plugins"
# Binary frames out: the rows with bodies that are no UTF-8 could not be told otherwise.
cat >"$home/rabbitmq.conf" <<CONF
stomp.listeners.tcp.1 = 127.0.0.1:$((port + 4))
web_stomp.tcp.ip = 127.0.0.1
web_stomp.tcp.port = $port
web_stomp.ws_frame = binary
CONF

"$server" >"$home/out" 2>&1 &
pid=$!
finish() {
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  epmd -port "$ERL_EPMD_PORT" -kill >/dev/null 2>&1 || true
  rm -rf "$home"
}
trap finish EXIT

for ((tries = 0; ; tries++)); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  if ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 240 ]; then
    echo "rabbitmq-server did not start:" >&2
    tail -n 40 "$home/out" >&2
    exit 1
  fi
  sleep 0.25
done

WS_URL="ws://127.0.0.1:$port/ws" WAIVERS=none BINARY=1 LARGE_KB="${LARGE_KB:-64}" \
  LOGIN=guest PASSCODE=guest VHOST=/ node --import tsx test/conformance/main.ts "$@"
