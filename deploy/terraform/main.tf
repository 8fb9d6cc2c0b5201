# A gate on ECS Fargate behind a Network Load Balancer, and security groups that leave it as the only way to the cluster.

data "aws_region" "current" {}

data "aws_vpc" "this" {
  id = var.vpc_id
}

locals {
  files = merge(
    { "rolegate.toml" = var.config },
    { for name, text in var.rules : "rules/${name}.cedar" => text },
  )
  # A parameter holds 8 KB; its name within the service, and where its text goes.
  parameters = { for path, text in local.files : replace(path, "/[^a-zA-Z0-9]/", "_") => { path = path, text = text } }
}

resource "aws_ssm_parameter" "file" {
  for_each = local.parameters
  name     = "/${var.name}/${each.key}"
  type     = "SecureString"
  tier     = "Advanced"
  value    = each.value.text
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/rolegate/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  volume {
    name = "config"
  }

  container_definitions = jsonencode([
    {
      name                   = "files"
      image                  = var.files_image
      essential              = false
      readonlyRootFilesystem = true
      user                   = "0"
      command = ["sh", "-euc", join("\n", concat(
        ["umask 022", "mkdir -p /etc/rolegate/rules /etc/rolegate/tls"],
        [for name, file in local.parameters : "printf '%s' \"$FILE_${name}\" > '/etc/rolegate/${file.path}'"],
        var.tls_secret_arn == "" ? [] : [
          "printf '%s\\n' \"$TLS_CERTIFICATE\" > /etc/rolegate/tls/tls.crt",
          "(umask 027 && printf '%s\\n' \"$TLS_KEY\" > /etc/rolegate/tls/tls.key && chown 0:10001 /etc/rolegate/tls/tls.key)",
        ],
      ))]
      secrets = concat(
        [for name, parameter in aws_ssm_parameter.file : { name = "FILE_${name}", valueFrom = parameter.arn }],
        var.tls_secret_arn == "" ? [] : [
          { name = "TLS_CERTIFICATE", valueFrom = "${var.tls_secret_arn}:certificate::" },
          { name = "TLS_KEY", valueFrom = "${var.tls_secret_arn}:key::" },
        ],
      )
      mountPoints = [{ sourceVolume = "config", containerPath = "/etc/rolegate", readOnly = false }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.this.name
          "awslogs-region"        = data.aws_region.current.name
          "awslogs-stream-prefix" = "files"
        }
      }
    },
    {
      name                   = "rolegate"
      image                  = var.image
      essential              = true
      readonlyRootFilesystem = true
      user                   = "10001:10001"
      stopTimeout            = 120
      dependsOn              = [{ containerName = "files", condition = "SUCCESS" }]
      command                = ["serve", "--config", "/etc/rolegate/rolegate.toml"]
      environment = [
        # ECS ends a task 120 seconds after SIGTERM at the latest.
        { name = "ROLEGATE__RUNTIME__DRAIN_DELAY", value = "20s" },
        { name = "ROLEGATE__RUNTIME__DRAIN_TIMEOUT", value = "90s" },
      ]
      portMappings = [
        { containerPort = 5439, protocol = "tcp" },
        { containerPort = 9439, protocol = "tcp" },
      ]
      healthCheck = {
        command     = ["CMD", "/usr/bin/rolegate", "health", "--config", "/etc/rolegate/rolegate.toml"]
        interval    = 10
        timeout     = 5
        retries     = 3
        startPeriod = 60
      }
      linuxParameters = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
      ulimits         = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
      mountPoints     = [{ sourceVolume = "config", containerPath = "/etc/rolegate", readOnly = true }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          "awslogs-group"         = aws_cloudwatch_log_group.this.name
          "awslogs-region"        = data.aws_region.current.name
          "awslogs-stream-prefix" = "gate"
        }
      }
    },
  ])
}

resource "aws_ecs_service" "this" {
  name                              = var.name
  cluster                           = aws_ecs_cluster.this.id
  task_definition                   = aws_ecs_task_definition.this.arn
  desired_count                     = var.desired_count
  launch_type                       = "FARGATE"
  health_check_grace_period_seconds = 120

  # A new task takes sessions before an old one drains.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = var.subnet_ids
    security_groups = [aws_security_group.gate.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "rolegate"
    container_port   = 5439
  }

  lifecycle {
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.this]
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.desired_count
  max_capacity       = var.max_count
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  resource_id        = aws_appautoscaling_target.this.resource_id
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_in_cooldown  = 1800
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
