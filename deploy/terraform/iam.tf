# What the task may do: read IAM facts; and what ECS may do for it: read its files and write its log.

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "task" {
  name_prefix        = "${var.name}-task-"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

data "aws_iam_policy_document" "facts" {
  statement {
    sid = "ReadFacts"
    actions = [
      "iam:GetAccountAuthorizationDetails",
      "iam:GetPolicy",
      "iam:GetPolicyVersion",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListRolePolicies",
      "redshift-serverless:ListNamespaces",
      "redshift-serverless:ListWorkgroups",
      "redshift:DescribeClusters",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(var.facts_role_arns) > 0 ? [1] : []

    content {
      sid       = "ReadOtherAccounts"
      actions   = ["sts:AssumeRole"]
      resources = var.facts_role_arns
    }
  }
}

resource "aws_iam_role_policy" "facts" {
  name   = "facts"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.facts.json
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${var.name}-execution-"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

data "aws_iam_policy_document" "files" {
  statement {
    sid       = "ReadFiles"
    actions   = ["ssm:GetParameters"]
    resources = [for parameter in aws_ssm_parameter.file : parameter.arn]
  }

  dynamic "statement" {
    for_each = var.tls_secret_arn == "" ? [] : [1]

    content {
      sid       = "ReadCertificate"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [var.tls_secret_arn]
    }
  }
}

resource "aws_iam_role_policy" "files" {
  name   = "files"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.files.json
}
