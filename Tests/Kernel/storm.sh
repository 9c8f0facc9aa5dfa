#!/usr/bin/env bash
# Four processes make, link, rename and remove names while the server is killed $STORM_KILLS times: no call is answered wrongly.
. "$(dirname "$0")/scenario.sh"
attach a
mkdir a/storm
[ "$KILL" = 1 ] || STORM_KILLS=0
perl "$(dirname "$0")/storm.pl" a/storm 4 "$STORM_KILLS" "$STORM_ROUNDS" "$SHARED/kill"
rm -r a/storm
umount a
