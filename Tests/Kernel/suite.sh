#!/usr/bin/env bash
# suite.sh SCENARIO...: runs scenarios of this folder one after the other in one kernel; the server is killed in the middle of those that
# $KILLS names (blank-separated). Goes on after one that fails, and fails if one did. Where $PORT_scenario and $EXPORT_scenario are set (with
# _ for -), that scenario has a server of its own.
set -u
folder=$(cd "$(dirname "$0")" && pwd)
failed=
for scenario in "$@"; do
    mkdir "$scenario"
    export KILL=0
    own=PORT_${scenario//-/_} shown=EXPORT_${scenario//-/_}
    case " ${KILLS:-} " in *" $scenario "*) KILL=1 ;; esac
    echo "#### $scenario"
    begun=$SECONDS
    if (cd "$scenario" && PORT=${!own:-$PORT} EXPORT=${!shown:-$EXPORT} bash "$folder/$scenario.sh"); then
        echo "#### $scenario: done in $((SECONDS - begun)) s"
    else
        echo "#### $scenario: FAILED after $((SECONDS - begun)) s"
        failed="$failed $scenario"
        dmesg | tail -n 5
        # What it left mounted must not be in the next one's way.
        for place in "$scenario"/*/; do umount -l "$place" 2>/dev/null; done
    fi
done
[ -z "$failed" ] || { echo "#### failed:$failed"; exit 1; }
echo '== done'
