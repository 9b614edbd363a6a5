// Azure Route Server in a virtual network that has a RouteServerSubnet. A module of its own, so that the addresses of its two
// instances are asked for when it is complete: they are known only once it has its place in the subnet.

param location string
param name string

@description('The subnet named RouteServerSubnet.')
param subnetId string

@description('Lets routes pass between ExpressRoute, VPN gateways and the appliances. On-premises hears the VIPs only with it.')
param branchToBranch bool

@description('AS of the appliances.')
param peerAsn int

@description('Addresses of the appliances, each of which peers with both instances.')
param peerAddresses array

resource publicIp 'Microsoft.Network/publicIPAddresses@2023-09-01' = {
  name: '${name}-ip'
  location: location
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource routeServer 'Microsoft.Network/virtualHubs@2023-09-01' = {
  name: name
  location: location
  properties: {
    sku: 'Standard'
    allowBranchToBranchTraffic: branchToBranch
  }
}

// The public address is for Azure's management of it; nothing of BGP goes there.
resource place 'Microsoft.Network/virtualHubs/ipConfigurations@2023-09-01' = {
  parent: routeServer
  name: 'ipconfig'
  properties: {
    subnet: { id: subnetId }
    publicIPAddress: { id: publicIp.id }
  }
}

// Azure takes one change of a Route Server at a time.
@batchSize(1)
resource connections 'Microsoft.Network/virtualHubs/bgpConnections@2023-09-01' = [for (address, i) in peerAddresses: {
  parent: routeServer
  name: 'nva${i + 1}'
  properties: {
    peerAsn: peerAsn
    peerIp: address
  }
  dependsOn: [
    place
  ]
}]

output instances array = routeServer.properties.virtualRouterIps
output asn int = routeServer.properties.virtualRouterAsn
