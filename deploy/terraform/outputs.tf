output "endpoint" {
  description = "The host that SQL clients connect to, on port 5439"
  value       = aws_lb.this.dns_name
}

output "security_group_id" {
  description = "The gate's security group: the only one that the cluster's should let in"
  value       = aws_security_group.gate.id
}

output "endpoint_service_name" {
  description = "What clients in other VPCs make their endpoint for; null without PrivateLink"
  value       = one(aws_vpc_endpoint_service.this[*].service_name)
}
