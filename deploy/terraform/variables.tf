variable "name" {
  description = "Name of everything that is made"
  type        = string
  default     = "rolegate"
}

variable "image" {
  description = "The gate's image, best by digest"
  type        = string
}

variable "files_image" {
  description = "An image with a POSIX shell, which writes the configuration before the gate starts"
  type        = string
  default     = "public.ecr.aws/docker/library/busybox:stable"
}

variable "config" {
  description = "The text of rolegate.toml: the gate listens on 0.0.0.0:5439, the admin address on 0.0.0.0:9439 with insecure = true, and the audit goes to stdout"
  type        = string
}

variable "rules" {
  description = "Texts of Cedar rules by name; each is the file rules/NAME.cedar beside the configuration"
  type        = map(string)
  default     = {}
}

variable "vpc_id" {
  description = "The VPC of the Redshift cluster"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the load balancer and the tasks, in two availability zones or more"
  type        = list(string)
}

variable "cluster_security_group_id" {
  description = "The security group of the Redshift cluster, which lets the gate in"
  type        = string
}

variable "cluster_port" {
  description = "The port of the Redshift cluster"
  type        = number
  default     = 5439
}

variable "client_cidr_blocks" {
  description = "Networks that SQL clients come from"
  type        = list(string)
}

variable "monitoring_cidr_blocks" {
  description = "Networks that may read metrics on port 9439"
  type        = list(string)
  default     = []
}

variable "tls_secret_arn" {
  description = "A secret of Secrets Manager, an object with `certificate` and `key` in PEM: the files tls/tls.crt and tls/tls.key; empty for none"
  type        = string
  default     = ""
}

variable "facts_role_arns" {
  description = "Roles of other accounts that the task may assume to read IAM there"
  type        = list(string)
  default     = []
}

variable "desired_count" {
  description = "Tasks at the start"
  type        = number
  default     = 2
}

variable "max_count" {
  description = "Tasks at most"
  type        = number
  default     = 10
}

variable "cpu" {
  description = "CPU units of a task"
  type        = number
  default     = 1024
}

variable "memory" {
  description = "MiB of a task"
  type        = number
  default     = 2048
}

variable "privatelink_principals" {
  description = "ARNs of accounts or roles that may connect from other VPCs by PrivateLink; empty: no endpoint service"
  type        = list(string)
  default     = []
}

variable "log_retention_days" {
  description = "Days that log and audit are kept in CloudWatch"
  type        = number
  default     = 365
}
