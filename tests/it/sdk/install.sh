#!/bin/sh
# Installs Meta's SDKs for Python and Node into a folder, unless they are there: install.sh FOLDER
set -eu
mkdir -p "$1/node"
cd "$1"
if [ ! -e python/installed ]; then
    python3 -m venv python
    python/bin/pip install --quiet --disable-pip-version-check facebook_business==26.0.3
    touch python/installed
fi
if [ ! -e node/installed ]; then
    npm install --silent --no-audit --no-fund --prefix node facebook-nodejs-business-sdk@24.0.1
    touch node/installed
fi
