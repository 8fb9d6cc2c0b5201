# The load balancer, PrivateLink, and who may reach whom.

resource "aws_lb" "this" {
  name                             = var.name
  load_balancer_type               = "network"
  internal                         = true
  subnets                          = var.subnet_ids
  security_groups                  = [aws_security_group.balancer.id]
  enable_cross_zone_load_balancing = true
  # Clients that come by PrivateLink were let in as principals; their addresses are not those of this VPC.
  enforce_security_group_inbound_rules_on_private_link_traffic = "off"
}

resource "aws_lb_target_group" "this" {
  name        = var.name
  port        = 5439
  protocol    = "TCP"
  target_type = "ip"
  vpc_id      = var.vpc_id
  # Clients keep their own address, so that the gate's log and rules show it. By PrivateLink they come from the load balancer's: turn on
  # proxy_protocol_v2 and proxy_protocol_from instead.
  preserve_client_ip     = true
  deregistration_delay   = 120
  connection_termination = false

  health_check {
    protocol            = "HTTP"
    port                = "9439"
    path                = "/readyz"
    interval            = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 5439
  protocol          = "TCP"
  # The gate sends keepalives every two minutes; the load balancer forgets a silent connection after this time.
  tcp_idle_timeout_seconds = 350

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_vpc_endpoint_service" "this" {
  count                      = length(var.privatelink_principals) > 0 ? 1 : 0
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.this.arn]
  allowed_principals         = var.privatelink_principals
}

resource "aws_security_group" "balancer" {
  name_prefix = "${var.name}-balancer-"
  description = "The load balancer of the gate"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each          = toset(var.client_cidr_blocks)
  security_group_id = aws_security_group.balancer.id
  description       = "SQL clients"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 5439
  to_port           = 5439
}

resource "aws_vpc_security_group_egress_rule" "balancer_to_gate" {
  for_each                     = toset(["5439", "9439"])
  security_group_id            = aws_security_group.balancer.id
  description                  = "Sessions and health checks"
  referenced_security_group_id = aws_security_group.gate.id
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.value)
  to_port                      = tonumber(each.value)
}

resource "aws_security_group" "gate" {
  name_prefix = "${var.name}-gate-"
  description = "The gate"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each                     = toset(["5439", "9439"])
  security_group_id            = aws_security_group.gate.id
  description                  = "Sessions and health checks of the load balancer"
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.value)
  to_port                      = tonumber(each.value)
}

resource "aws_vpc_security_group_ingress_rule" "monitoring" {
  for_each          = toset(var.monitoring_cidr_blocks)
  security_group_id = aws_security_group.gate.id
  description       = "Metrics"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 9439
  to_port           = 9439
}

resource "aws_vpc_security_group_egress_rule" "cluster" {
  security_group_id            = aws_security_group.gate.id
  description                  = "The cluster"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.cluster_port
  to_port                      = var.cluster_port
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.gate.id
  description       = "AWS: images, parameters, logs, IAM facts"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "dns" {
  for_each          = toset(["tcp", "udp"])
  security_group_id = aws_security_group.gate.id
  description       = "The VPC's resolver"
  cidr_ipv4         = data.aws_vpc.this.cidr_block
  ip_protocol       = each.value
  from_port         = 53
  to_port           = 53
}

# The only rule of this module for the cluster: the gate may come in. That nobody else may is up to the group itself, which must have no
# other rule for its port: `rolegate doctor` names who came around the gate.
resource "aws_vpc_security_group_ingress_rule" "cluster" {
  security_group_id            = var.cluster_security_group_id
  description                  = "The gate"
  referenced_security_group_id = aws_security_group.gate.id
  ip_protocol                  = "tcp"
  from_port                    = var.cluster_port
  to_port                      = var.cluster_port
}
