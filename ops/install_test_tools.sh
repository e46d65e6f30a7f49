#!/bin/sh
# What the tests of alerts, dashboards, the board and of slow disks need beside $VENV, from Debian. Safe to run again.
# Prometheus and Alertmanager are unpacked into $VENV and not installed: their packages would start services on this machine.
# Without apt, or without the right to install, the tests that need them are skipped and say so.
set -eu

home=$(cd "$VENV" && pwd)
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
command -v apt-get >/dev/null || { echo "没有 apt-get，需要 Prometheus、Alertmanager、Chromium、strace 的测试将被跳过 tests that need them will be skipped" >&2; exit 0; }

missing=""
for program in chromium strace; do
    command -v $program >/dev/null || missing="$missing $program"
done
# the driver of the browser (Playwright's) is linked with it
[ -n "$(find /lib /usr/lib /usr/lib64 -name 'libatomic.so.1' -print -quit 2>/dev/null)" ] || missing="$missing libatomic1"
servers=""
command -v promtool >/dev/null || servers="$servers prometheus"
command -v amtool >/dev/null || servers="$servers prometheus-alertmanager"
[ -n "$missing$servers" ] || exit 0

echo "准备测试用的 getting for the tests:$servers$missing" >&2
$sudo apt-get update -qq || true
if [ -n "$missing" ]; then
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >&2 || echo "没有装上 not installed:$missing" >&2
fi
for package in $servers; do
    folder=$(mktemp -d)
    (cd "$folder" && apt-get download -qq "$package" >&2 && dpkg -x ./*.deb "$home/debian") || echo "没有取到 $package not to be had" >&2
    rm -rf "$folder"
done
# where Debian's Alertmanager looks for its own templates, without which it does not start
templates=/usr/share/prometheus/alertmanager
if [ -d "$home/debian$templates" ] && [ ! -e $templates ]; then
    { $sudo mkdir -p /usr/share/prometheus && $sudo cp -r "$home/debian$templates" $templates; } || rm "$home/debian/usr/bin/prometheus-alertmanager"
fi
for program in prometheus promtool prometheus-alertmanager amtool; do
    [ ! -x "$home/debian/usr/bin/$program" ] || ln -sf "$home/debian/usr/bin/$program" "$home/bin/$program"
done
