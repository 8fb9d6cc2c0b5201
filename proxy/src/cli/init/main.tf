# A gate on Amazon ECS, by the module deploy/terraform. Its variables.tf explains every variable.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = "{region}"
}

variable "image" {
  description = "The gate's image, as it was pushed to your registry"
  type        = string
}

variable "vpc_id" {
  description = "The VPC of the cluster"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in two availability zones or more"
  type        = list(string)
}

variable "cluster_security_group_id" {
  description = "The security group of the Redshift cluster"
  type        = string
}

variable "client_cidr_blocks" {
  description = "Networks that SQL clients come from"
  type        = list(string)
}

module "rolegate" {
  # A copy of deploy/terraform beside this file, or its address in your registry of modules.
  source = "./rolegate"

  image                     = var.image
  vpc_id                    = var.vpc_id
  subnet_ids                = var.subnet_ids
  cluster_security_group_id = var.cluster_security_group_id
  client_cidr_blocks        = var.client_cidr_blocks

  config = file("${path.module}/rolegate.toml")
  rules  = { first = file("${path.module}/rules/first.cedar") }
}

output "endpoint" {
  description = "The host that SQL clients connect to, on port 5439"
  value       = module.rolegate.endpoint
}
