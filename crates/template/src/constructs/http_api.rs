//! The HTTP API: its routes as OpenAPI, and a permission for each function behind it.

use serde_json::{Map, Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, json_text, reference, stack_name, substitute};

#[derive(Debug, Clone)]
pub struct Operation {
    /// The path, in which `{id}`, for example, stands for the path parameter `id`.
    pub path: &'static str,
    /// The method, in lower case.
    pub method: String,
    pub summary: &'static str,
    pub success: u16,
    pub function: String,
    /// Whether callers need a JWT.
    pub guarded: bool,
}

/// An HTTP API with the routes of all functions.
#[derive(Debug)]
pub struct HttpApi {
    pub operations: Vec<Operation>,
    /// The issuer of the callers' tokens.
    pub issuer: Value,
    /// The audience that each caller's token has to name.
    pub audience: Value,
    /// The logical id of the log group for the access logs.
    pub log_group: &'static str,
}

/// The name of the OpenAPI security scheme for callers' tokens.
const TOKEN: &str = "token";

impl HttpApi {
    fn security_schemes(&self) -> Value {
        let scheme = json!({
            "type": "oauth2",
            "x-amazon-apigateway-authorizer": {
                "type": "jwt",
                "identitySource": "$request.header.Authorization",
                "jwtConfiguration": {
                    "issuer": self.issuer,
                    "audience": [self.audience],
                },
            },
        });
        json!({ TOKEN: scheme })
    }

    fn operation(&self, operation: &Operation) -> Value {
        let function = &operation.function;
        let uri = substitute(format!(
            "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/\
             ${{{function}.Arn}}/invocations"
        ));
        let mut value = json!({
            "summary": operation.summary,
            "responses": { operation.success.to_string(): { "description": "Success" } },
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "payloadFormatVersion": "2.0",
                "uri": uri,
            },
        });
        if operation.guarded {
            value["security"] = json!([{ TOKEN: [] }]);
        }
        value
    }
}

impl Construct for HttpApi {
    fn resource(&self) -> Resource {
        let mut paths: Map<String, Value> = Map::new();
        for operation in &self.operations {
            let path = paths.entry(operation.path).or_insert_with(|| json!({}));
            path[&operation.method] = self.operation(operation);
        }
        let format = json!({
            "requestId": "$context.requestId",
            "route": "$context.routeKey",
            "status": "$context.status",
            "latency": "$context.responseLatency",
            "error": "$context.integrationErrorMessage",
        });
        let properties = json!({
            "AccessLogSettings": {
                "DestinationArn": arn(self.log_group),
                "Format": json_text(&format),
            },
            "DefaultRouteSettings": {
                "DetailedMetricsEnabled": true,
                "ThrottlingBurstLimit": 1000,
                "ThrottlingRateLimit": 500,
            },
            "DefinitionBody": {
                "openapi": "3.0.1",
                "info": { "title": stack_name("api"), "version": "1" },
                "components": { "securitySchemes": self.security_schemes() },
                "paths": paths,
            },
        });
        Resource::new("AWS::Serverless::HttpApi", properties)
    }
}

/// Permission for the API to invoke a function.
#[derive(Debug)]
pub struct InvokePermission {
    pub function: String,
    pub api: &'static str,
}

impl Construct for InvokePermission {
    fn resource(&self) -> Resource {
        let source = format!(
            "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{}}}/*",
            self.api
        );
        let properties = json!({
            "Action": "lambda:InvokeFunction",
            "FunctionName": reference(&self.function),
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": substitute(source),
        });
        Resource::new("AWS::Lambda::Permission", properties)
    }
}
