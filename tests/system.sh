#!/bin/sh
# What the tests need from the system: Chromium, for the browser tests. Installed where that is
# possible (root and apt); otherwise those tests are skipped, each with one line.
if command -v chromium >/dev/null 2>&1 || [ -n "${LIUHEN_CHROMIUM:-}" ]; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "==> 正在安装 Chromium（浏览器测试用）/ installing Chromium for the browser tests"
  if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
       apt-get install -y -qq --no-install-recommends chromium fonts-wqy-microhei; } >/dev/null 2>&1
  then exit 0; fi
fi
echo "==> 没有 Chromium，浏览器测试将跳过 / no Chromium here: the browser tests are skipped"
