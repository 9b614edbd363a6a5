using 'main.bicep'

param sshPublicKey = '<ssh-ed25519 AAAA...>'
param heraldPackageUrl = '<https://ACCOUNT.blob.core.windows.net/packages/herald_VERSION_amd64.deb>'
param heraldPackageSha256 = '<sha256sum of it>'
