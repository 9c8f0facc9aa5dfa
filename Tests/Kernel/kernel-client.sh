#!/usr/bin/env bash
# kernel-client.sh SCRIPT [ARGUMENT...]: runs a script in a Linux kernel of its own, whose NFS client mounts servers of this host.
#
# The kernel is Debian's user-mode-linux, a process: it boots in a few seconds with this machine's root file system as its
# root (hostfs), so every program that the script calls is this machine's. /tmp, /run and /dev/shm are private there. A tap device
# with a /29 of its own joins the two: the server must listen on that address, or on all.
#
# SCRIPT finds $SERVER, the host's address, and $PEER, a free one beside the guest's, for a second client in a network namespace. It
# stands in a private, empty directory, where it may make mount points.
# Environment: MEMORY=512M, SECONDS_MAX=120, and what KERNEL_ENV names (blank-separated) is handed on.
# Exit: the script's status; 124 over the time; 125 the kernel did not come up.
set -u
export PATH=$PATH:/usr/sbin:/sbin
[ $# -gt 0 ] || { sed -n '2,13p' "$0"; exit 2; }
script=$(readlink -f "$1")
shift
job=$(mktemp -d /var/tmp/varve-kernel.XXXXXX)
tap='' kernel='' follower=''

cleanup() {
    [ -z "$kernel" ] || kill -9 -- "-$kernel" 2>/dev/null
    # A test may start us with SIGTERM blocked, and our children inherit that.
    [ -z "$follower" ] || kill -9 "$follower" 2>/dev/null
    [ -z "$tap" ] || ip link del "$tap" 2>/dev/null
    rm -rf "$job"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

for number in $(seq 1 250); do
    # The first name that is free; another test may have taken one in between.
    if ip tuntap add dev "vk$number" mode tap 2>/dev/null; then
        tap=vk$number
        break
    fi
done
if [ -z "$tap" ]; then
    echo "kernel-client: no tap device; it takes root and /dev/net/tun" >&2
    exit 125
fi
host=10.215.$number.1 guest=10.215.$number.2 peer=10.215.$number.3
ip addr add "$host/29" dev "$tap"
ip link set "$tap" up

mkdir "$job/mnt"
: >"$job/out"
cc -O2 -shared -fPIC -o "$job/wide-registers.so" "$(dirname "$0")/wide-registers.c" || exit 125
{
    echo '#!/bin/bash'
    echo 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8'
    echo "export SERVER=$host PEER=$peer"
    for name in ${KERNEL_ENV:-}; do printf 'export %s=%q\n' "$name" "${!name}"; done
    cat <<INIT
exec >>$job/out 2>&1 </dev/null
finish() { echo "\$1" >$job/status; sync; busybox poweroff -f; }
mount -t proc proc /proc
mount -t sysfs sys /sys
for place in /tmp /run /dev/shm; do mkdir -p \$place; mount -t tmpfs -o mode=1777 tmp \$place; done
mkdir -p /run/lock /run/rpc_pipefs
ln -sfn /proc/self/fd /dev/fd 2>/dev/null
mount -t tmpfs client $job/mnt
ip link set lo up
ip addr add $guest/29 dev vec0
ip link set vec0 up
modules=\$(ls -d /usr/lib/uml/modules/*/kernel)
for module in drivers/net/macvlan net/sunrpc/sunrpc fs/nfs_common/nfs_acl fs/nfs_common/grace fs/lockd/lockd fs/netfs/netfs fs/fscache/fscache \
    net/dns_resolver/dns_resolver fs/nfs/nfs fs/nfs/nfsv4; do
    [ ! -e \$modules/\$module.ko ] || insmod \$modules/\$module.ko 2>/dev/null
done
grep -q nfs4 /proc/filesystems || { echo 'kernel-client: this kernel has no NFS client'; finish 125; }
cd $job/mnt
INIT
    printf 'bash %q' "$script"
    [ $# -eq 0 ] || printf ' %q' "$@"
    echo
    echo 'finish $?'
} >"$job/init"
chmod +x "$job/init"

TMPDIR=/dev/shm LD_PRELOAD=$job/wide-registers.so setsid linux.uml mem="${MEMORY:-512M}" root=/dev/root rootfstype=hostfs rootflags=/ rw init="$job/init" \
    vec0:transport=tap,ifname="$tap",depth=128,gro=1 con=null con0=null,fd:1 ssl=null quiet \
    </dev/null >"$job/console" 2>&1 &
kernel=$!
tail -n +1 -f "$job/out" 2>/dev/null &
follower=$!
begun=$SECONDS status=125
while :; do
    if [ -s "$job/status" ]; then
        status=$(cat "$job/status")
        break
    fi
    if ! kill -0 "$kernel" 2>/dev/null; then
        [ ! -s "$job/status" ] || status=$(cat "$job/status")
        break
    fi
    if ((SECONDS - begun >= ${SECONDS_MAX:-120})); then
        echo "kernel-client: over ${SECONDS_MAX:-120} s" >&2
        status=124
        break
    fi
    sleep 0.1
done
sleep 0.2 # The follower shows the last lines.
kill -9 "$follower" 2>/dev/null
wait "$follower" 2>/dev/null
follower=''
if [ "$status" = 125 ]; then
    echo 'kernel-client: the kernel did not come up; its console said:' >&2
    tail -n 20 "$job/console" >&2
fi
for _ in $(seq 1 30); do
    kill -0 "$kernel" 2>/dev/null || break
    sleep 0.1
done
exit "$status"
