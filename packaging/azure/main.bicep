// One region: a hub with Route Server and two appliances, each with FRR and herald, which announce one VIP while the service on
// them answers. A second region is the same once more, with another addressPrefix and the same VIP. See README.md.
//
//   az deployment group create -g GROUP -f main.bicep -p main.bicepparam

param location string = resourceGroup().location
param name string = 'herald'

@description('The hub. Its subnets are cut out of it: the first /24 for appliances, the second for Route Server, the third for backends.')
param addressPrefix string = '10.1.0.0/16'

@description('The anycast address, outside of every virtual network and of what is used on-premises.')
param vip string = '10.99.0.1'

@description('AS of the appliances: 16 bit, and none that Azure reserves.')
@minValue(1)
@maxValue(65514)
param asn int = 65001

@description('Where clients of the VIP are, for the network security group.')
param clientPrefixes array = [
  '10.0.0.0/8'
]

@description('TCP ports of the service on the VIP.')
param servicePorts array = [
  '80'
]

@description('From where SSH is allowed; empty: from nowhere, use Azure Bastion or the serial console.')
param adminPrefixes array = []

param adminUsername string = 'azureuser'

@description('Of the administrator.')
param sshPublicKey string

@description('Where the appliances fetch herald_VERSION_amd64.deb, and its SHA-256.')
@secure()
param heraldPackageUrl string
param heraldPackageSha256 string

param vmSize string = 'Standard_D2s_v5'

@description('Set it where a gateway is in the hub (a GatewaySubnet has to be added then): on-premises hears the VIP by it.')
param branchToBranch bool = true

@description('DNAT without masquerading: the number of the appliance by which backends answer their clients, 1 or 2. 0: none.')
@minValue(0)
@maxValue(2)
param backendsAnswerBy int = 0

var applianceSubnet = cidrSubnet(addressPrefix, 24, 0)
var routeServerSubnet = cidrSubnet(addressPrefix, 26, 4)
var backendSubnet = cidrSubnet(addressPrefix, 24, 2)
// Azure keeps the first four addresses of a subnet.
var applianceAddresses = [
  cidrHost(applianceSubnet, 3)
  cidrHost(applianceSubnet, 4)
]

var sshRules = empty(adminPrefixes) ? [] : [
  {
    name: 'ssh'
    properties: {
      priority: 200
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefixes: adminPrefixes
      sourcePortRange: '*'
      destinationAddressPrefix: applianceSubnet
      destinationPortRange: '22'
    }
  }
]

// A VIP is no address of the network interface, and not surely within the tag VirtualNetwork of the default rules.
var vipRules = [
  {
    name: 'vip'
    properties: {
      priority: 100
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefixes: clientPrefixes
      sourcePortRange: '*'
      destinationAddressPrefix: '${vip}/32'
      destinationPortRanges: servicePorts
    }
  }
  {
    // Either side may open the session.
    name: 'bgp'
    properties: {
      priority: 110
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: routeServerSubnet
      sourcePortRange: '*'
      destinationAddressPrefix: applianceSubnet
      destinationPortRange: '179'
    }
  }
]

resource securityGroup 'Microsoft.Network/networkSecurityGroups@2023-09-01' = {
  name: '${name}-appliances'
  location: location
  properties: { securityRules: concat(vipRules, sshRules) }
}

// Only for DNAT that keeps the clients' addresses: the answer has to go by the appliance that knows the connection.
resource backendRoutes 'Microsoft.Network/routeTables@2023-09-01' = if (backendsAnswerBy > 0) {
  name: '${name}-backends'
  location: location
  properties: {
    routes: [for (prefix, i) in clientPrefixes: {
      name: 'clients${i + 1}'
      properties: {
        addressPrefix: prefix
        nextHopType: 'VirtualAppliance'
        nextHopIpAddress: applianceAddresses[max(backendsAnswerBy, 1) - 1]
      }
    }]
  }
}

// The appliances' way to Debian's packages; connections to the VIP do not use it.
resource natIp 'Microsoft.Network/publicIPAddresses@2023-09-01' = {
  name: '${name}-nat-ip'
  location: location
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource nat 'Microsoft.Network/natGateways@2023-09-01' = {
  name: '${name}-nat'
  location: location
  sku: { name: 'Standard' }
  properties: {
    publicIpAddresses: [
      { id: natIp.id }
    ]
  }
}

// RouteServerSubnet takes neither a security group nor a route table.
resource hub 'Microsoft.Network/virtualNetworks@2023-09-01' = {
  name: '${name}-hub'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        name: 'appliances'
        properties: {
          addressPrefix: applianceSubnet
          networkSecurityGroup: { id: securityGroup.id }
          natGateway: { id: nat.id }
        }
      }
      {
        name: 'RouteServerSubnet'
        properties: { addressPrefix: routeServerSubnet }
      }
      {
        name: 'backends'
        properties: {
          addressPrefix: backendSubnet
          routeTable: backendsAnswerBy > 0 ? { id: backendRoutes.id } : null
        }
      }
    ]
  }
}

module routeServer 'route-server.bicep' = {
  name: '${name}-route-server'
  params: {
    location: location
    name: '${name}-route-server'
    subnetId: '${hub.id}/subnets/RouteServerSubnet'
    branchToBranch: branchToBranch
    peerAsn: asn
    peerAddresses: applianceAddresses
  }
}

// Without forwarding Azure drops what is for the VIP, since that is not the interface's address.
resource interfaces 'Microsoft.Network/networkInterfaces@2023-09-01' = [for (address, i) in applianceAddresses: {
  name: '${name}-nva${i + 1}'
  location: location
  properties: {
    enableIPForwarding: true
    ipConfigurations: [
      {
        name: 'ipconfig'
        properties: {
          subnet: { id: '${hub.id}/subnets/appliances' }
          privateIPAllocationMethod: 'Static'
          privateIPAddress: address
        }
      }
    ]
  }
}]

var cloudInitWords = [
  { word: '__ASN__', value: string(asn) }
  { word: '__RS_ASN__', value: string(routeServer.outputs.asn) }
  { word: '__RS1__', value: routeServer.outputs.instances[0] }
  { word: '__RS2__', value: routeServer.outputs.instances[1] }
  { word: '__VIP__', value: vip }
  { word: '__PACKAGE_URL__', value: heraldPackageUrl }
  { word: '__PACKAGE_SHA256__', value: heraldPackageSha256 }
]
var cloudInit = reduce(cloudInitWords, loadTextContent('cloud-init.yaml'), (text, each) => replace(text, each.word, each.value))

resource appliances 'Microsoft.Compute/virtualMachines@2023-09-01' = [for (address, i) in applianceAddresses: {
  name: '${name}-nva${i + 1}'
  location: location
  zones: [
    string(i + 1)
  ]
  properties: {
    hardwareProfile: { vmSize: vmSize }
    storageProfile: {
      imageReference: {
        publisher: 'Debian'
        offer: 'debian-12'
        sku: '12-gen2'
        version: 'latest'
      }
      osDisk: {
        createOption: 'FromImage'
        managedDisk: { storageAccountType: 'StandardSSD_LRS' }
      }
    }
    osProfile: {
      computerName: 'nva${i + 1}'
      adminUsername: adminUsername
      linuxConfiguration: {
        disablePasswordAuthentication: true
        ssh: {
          publicKeys: [
            {
              path: '/home/${adminUsername}/.ssh/authorized_keys'
              keyData: sshPublicKey
            }
          ]
        }
      }
      customData: base64(replace(cloudInit, '__ADDRESS__', address))
    }
    networkProfile: {
      networkInterfaces: [
        { id: interfaces[i].id }
      ]
    }
    diagnosticsProfile: { bootDiagnostics: { enabled: true } }
  }
}]

output routeServerInstances array = routeServer.outputs.instances
output applianceAddresses array = applianceAddresses
