#!/usr/bin/env bash
# Several hosts on one machine: network namespaces with names and addresses of their own, joined by a bridge (as root)
#
#   hosts.sh up N                      hosts ls1 ... lsN, 10.77.0.1 ... N
#   hosts.sh down
#   hosts.sh on HOST COMMAND...        runs a command there
#   hosts.sh agent HOST COMMAND LINE   the same in the form in which launchers call ssh
#
# `ip netns exec` mounts /etc/netns/NAME over /etc, so that the names of hosts need no change to the system.
set -euo pipefail
self="$(readlink -f "$0")"

case "$1" in
  up)
    ip netns add ls-switch
    ip -n ls-switch link add name switch type bridge
    ip -n ls-switch link set switch up
    for ((i = 1; i <= $2; i++)); do
      ip netns add "ls$i"
      ip -n "ls$i" link add eth0 type veth peer name "port$i" netns ls-switch
      ip -n ls-switch link set "port$i" master switch up
      ip -n "ls$i" addr add "10.77.0.$i/24" dev eth0
      ip -n "ls$i" link set lo up
      ip -n "ls$i" link set eth0 up
      mkdir -p "/etc/netns/ls$i"
      { echo "127.0.0.1 localhost"; for ((j = 1; j <= $2; j++)); do echo "10.77.0.$j ls$j"; done; } > "/etc/netns/ls$i/hosts"
    done
    ;;
  down)
    for name in $(ip netns list 2> /dev/null | awk '$1 ~ /^ls[0-9]+$|^ls-switch$/ { print $1 }'); do
      ip netns del "$name"
      rm -rf "/etc/netns/$name"
    done
    ;;
  on)
    host="$2"
    shift 2
    exec ip netns exec "$host" unshare --uts sh -c 'hostname "$0"; exec "$@"' "$host" "$@"
    ;;
  agent)
    host="$2"
    shift 2
    exec "$self" on "$host" sh -c "$*"
    ;;
esac
