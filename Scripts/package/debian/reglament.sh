#!/bin/sh
# The program with this system's settings, unless the environment names others.
export REGLAMENT_CONFIG_FILE="${REGLAMENT_CONFIG_FILE:-/etc/reglament/reglament.conf}"
exec /usr/lib/reglament/reglament "$@"
