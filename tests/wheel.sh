#!/bin/sh
# Build the wheel, install it into an empty environment and run the tests marked `wheel` from
# another directory: data files, the command line and one river must work without the checkout.
set -eu
root=$1
python=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m build --quiet --wheel --no-isolation --outdir "$work/dist" "$root"
"$python" -m venv "$work/venv"
# The third-party packages of the checked environment are visible, the checkout itself is not.
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
own=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir "$work/packages"
for entry in "$site"/*; do
  case "${entry##*/}" in
    *liuhen*|*.pth) ;;
    *) ln -s "$entry" "$work/packages/" ;;
  esac
done
"$work/venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps \
  "$work"/dist/*.whl
echo "$work/packages" > "$own/packages.pth"
mkdir "$work/elsewhere"
cd "$work/elsewhere"
cp -r "$root/tests" tests
# No benchmark is in the wheel.
rm -r tests/benchmarks
PYTHONPATH="$work/elsewhere" LIUHEN_INSTALLED=1 \
  "$work/venv/bin/python" -P -m pytest -q -c "$root/pyproject.toml" \
  --rootdir "$work/elsewhere" -m wheel -p no:cacheprovider tests
