"""A SAM `HttpApi`: the routes, integrations and JWT authorizers of its OpenAPI body."""

from collections.abc import Iterator
from typing import Any

from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

from ministack_launcher.hooks import HookPoint

CREATE = ("logical_id", "props", "stack_name")

HOOK_POINTS = (
    HookPoint(provisioners.__name__, "_RESOURCE_HANDLERS"),
    HookPoint(provisioners.__name__, "_apigw_v2_api_create", CREATE),
    HookPoint(
        provisioners.__name__,
        "_apigw_v2_api_update",
        ("physical_id", "old_props", "new_props", "stack_name", "logical_id"),
    ),
    HookPoint(provisioners.__name__, "_apigw_v2_integration_create", CREATE),
    HookPoint(provisioners.__name__, "_apigw_v2_route_create", CREATE),
    HookPoint(provisioners.__name__, "_apigw_v2_authorizer_create", CREATE),
    HookPoint(apigateway.__name__, "_routes"),
    HookPoint(apigateway.__name__, "_integrations"),
    HookPoint(apigateway.__name__, "_authorizers"),
)

API_TYPE = "AWS::ApiGatewayV2::Api"
ANY_METHOD = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"
CORS = "x-amazon-apigateway-cors"

Document = dict[str, Any]
Created = tuple[str, dict[str, str]]


def install() -> None:
    """Makes the API's CloudFormation type read its body."""
    handlers = provisioners._RESOURCE_HANDLERS[API_TYPE]
    handlers["create"] = create
    handlers["update"] = update


def create(logical_id: str, properties: Document, stack: str) -> Created:
    """Creates an API and, from its body, its routes."""
    body = properties.get("Body") or {}
    created = provisioners._apigw_v2_api_create(logical_id, described(properties, body), stack)
    import_body(created[0], body)
    return created


def update(
    physical_id: str, old: Document, new: Document, stack: str, logical_id: str | None = None
) -> Created:
    """Updates an API; if the body changed, replaces all routes of the old body."""
    body = new.get("Body") or {}
    updated = provisioners._apigw_v2_api_update(
        physical_id,
        described(old, old.get("Body") or {}),
        described(new, body),
        stack,
        logical_id,
    )
    if body and body != old.get("Body"):
        for store in (apigateway._routes, apigateway._integrations, apigateway._authorizers):
            store[updated[0]] = {}
        import_body(updated[0], body)
    return updated


def described(properties: Document, body: Document) -> Document:
    """The API's properties, with its name and CORS settings out of the body.

    MiniStack stores CORS settings as a template spells them, and looks for them as the API spells
    them, so they are respelled for every API.
    """
    found = {"Name": (body.get("info") or {}).get("title"), "ProtocolType": "HTTP"} if body else {}
    merged = {**found, **properties}
    cors = merged.get("CorsConfiguration") or body.get(CORS)
    if isinstance(cors, dict):
        merged["CorsConfiguration"] = {key[0].lower() + key[1:]: cors[key] for key in cors}
    return merged


def import_body(api_id: str, body: Document) -> None:
    """Creates the authorizers, then an integration and a route for each operation."""
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    authorizers = {
        name: import_authorizer(api_id, name, scheme) for name, scheme in schemes.items()
    }
    for route_key, operation in operations(body):
        import_operation(api_id, route_key, operation, authorizers)


def operations(body: Document) -> Iterator[tuple[str, Document]]:
    """Each operation of the body that has an integration, with its route key."""
    for path, methods in (body.get("paths") or {}).items():
        for method, operation in methods.items():
            if not isinstance(operation, dict) or INTEGRATION not in operation:
                continue
            verb = "ANY" if method == ANY_METHOD else method.upper()
            yield ("$default" if path == "/$default" else f"{verb} {path}"), operation


def import_authorizer(api_id: str, name: str, scheme: Document) -> tuple[str, str]:
    """Creates the authorizer of a security scheme; returns the type for its routes, and its id."""
    declared = scheme.get(AUTHORIZER) or {}
    jwt = declared.get("jwtConfiguration") or {}
    is_jwt = str(declared.get("type", "jwt")).lower() == "jwt"
    source = declared.get("identitySource", "$request.header.Authorization")
    properties = {
        "ApiId": api_id,
        "Name": name,
        "AuthorizerType": "JWT" if is_jwt else "REQUEST",
        "IdentitySource": [source] if isinstance(source, str) else source,
        "JwtConfiguration": {"Audience": jwt.get("audience", []), "Issuer": jwt.get("issuer", "")},
        "AuthorizerUri": declared.get("authorizerUri", ""),
        "AuthorizerPayloadFormatVersion": declared.get("authorizerPayloadFormatVersion", "2.0"),
        "EnableSimpleResponses": declared.get("enableSimpleResponses", False),
    }
    authorizer_id, _ = provisioners._apigw_v2_authorizer_create(name, properties, "")
    return ("JWT" if is_jwt else "CUSTOM"), authorizer_id


def import_operation(
    api_id: str, route_key: str, operation: Document, authorizers: dict[str, tuple[str, str]]
) -> None:
    """Creates the integration and the route of one operation."""
    declared = operation[INTEGRATION]
    integration = {
        "ApiId": api_id,
        "IntegrationType": str(declared.get("type", "aws_proxy")).upper(),
        "IntegrationUri": declared.get("uri", ""),
        "IntegrationMethod": declared.get("httpMethod", "POST"),
        "PayloadFormatVersion": declared.get("payloadFormatVersion", "2.0"),
    }
    integration_id, _ = provisioners._apigw_v2_integration_create(route_key, integration, "")
    route = {"ApiId": api_id, "RouteKey": route_key, "Target": f"integrations/{integration_id}"}
    for requirement in operation.get("security") or []:
        for scheme, scopes in requirement.items():
            if scheme in authorizers:
                kind, authorizer_id = authorizers[scheme]
                route["AuthorizationType"] = kind
                route["AuthorizerId"] = authorizer_id
                route["AuthorizationScopes"] = scopes
    provisioners._apigw_v2_route_create(route_key, route, "")
