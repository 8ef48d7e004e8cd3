//! Commands: the messages that the API passes to an action.

use std::marker::PhantomData;

use async_trait::async_trait;
use chorus_table::{Category, Event, Metadata};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use chorus_kernel::{Action, Failure, Kernel, Message, SealingKey, derived_id};

use crate::{Endpoint, Problem, Request, Response, Trace, body};

/// The time to live of a command, in seconds: as long as a caller waits for the response.
const TTL_SECONDS: u32 = 60;

/// The longest `Idempotency-Key` that a caller may send.
const MAX_KEY: usize = 255;

/// The idempotency key that the caller sent; `None` if there is none. A customer's key is combined
/// with the customer's id, so that equal keys of two customers are different.
///
/// # Errors
/// If the key is too long, or contains a character that is not visible ASCII.
pub fn command_key(request: &Request) -> Result<Option<String>, Problem> {
    let Some(key) = request.header("idempotency-key") else {
        return Ok(None);
    };
    let printable = key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if key.len() > MAX_KEY || !printable {
        let rule = format!("must be at most {MAX_KEY} visible ASCII characters");
        return Err(Problem::field(400, "Idempotency-Key", rule));
    }
    Ok(Some(match &request.customer {
        Some(customer) => customers_key(customer, key),
        None => key.to_owned(),
    }))
}

/// The key of a customer's request: a hash of fixed length, which does not reveal the key that the
/// customer sent.
#[must_use]
pub fn customers_key(customer: &str, key: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"customer")
        .chain_update(customer.len().to_le_bytes())
        .chain_update(customer)
        .chain_update(key)
        .finalize();
    hex::encode(&digest[..16])
}

/// Makes a message from a command. If the caller sent no idempotency key, the key is derived from
/// the current time and the command. The request then does not count as a repetition of an earlier
/// request.
///
/// # Errors
/// If the caller's key is invalid.
pub fn command<E: Event>(
    kernel: &Kernel,
    request: &Request,
    command: &E,
) -> Result<Message, Problem> {
    let now = kernel.clock.now();
    let data = to_raw_value(command).map_err(|error| Failure::unwritable("command", &error))?;
    let idempotency_key = match command_key(request)? {
        Some(key) => key,
        None => moment_key(now.as_nanosecond(), data.get()),
    };
    let metadata = Metadata {
        event_id: derived_id(&format!("command {}", E::SPEC.detail_type), &idempotency_key, 0),
        idempotency_key,
        correlation_id: command.subject().to_owned(),
        causation_id: None,
        occurred_at: now,
        version: E::SPEC.version,
        copy_of: None,
        ttl_seconds: TTL_SECONDS,
        category: Category::Command,
        traceparent: request.header("traceparent").and_then(Trace::parse).map(|it| it.to_string()),
        replay_name: None,
        actor: request.caller.name().map(ToOwned::to_owned),
        home_region: kernel.region.as_ref().map(|region| region.name().to_owned()),
        tenant: None,
    };
    let (detail_type, source) = (E::SPEC.detail_type.to_owned(), "api".to_owned());
    let fingerprinted =
        Some(sent(request).map_err(|error| Failure::unwritable("command", &error))?);
    let customer = request.customer.clone();
    Ok(Message {
        detail_type,
        metadata,
        data,
        source,
        fingerprinted,
        fingerprint_key: None,
        task: None,
        redelivered: false,
        customer,
    })
}

/// Makes a message from a command that contains text about a person. In `about`, this text is
/// encrypted under the person's `key`. The fingerprint of the request is computed with `key`, too,
/// because the text could be guessed from a plain hash.
///
/// # Errors
/// See [`command`].
pub fn personal_command<E: Event>(
    kernel: &Kernel,
    request: &Request,
    about: &E,
    key: SealingKey,
) -> Result<Message, Problem> {
    Ok(Message { fingerprint_key: Some(key), ..command(kernel, request, about)? })
}

/// The text from which a request's fingerprint is computed: the path's parameters and the body as
/// the caller sent them, including fields that the command does not have.
fn sent(request: &Request) -> serde_json::Result<Box<RawValue>> {
    let body = match request.body.as_slice() {
        [] => Value::Null,
        body => serde_json::from_slice(body)?,
    };
    to_raw_value(&json!({ "path": request.path, "body": body }))
}

/// Reads the command `E` from the request's body and path, runs an action on the command, and
/// responds with the command.
pub(crate) struct CommandEndpoint<A, E> {
    pub(crate) action: A,
    pub(crate) status: u16,
    pub(crate) command: PhantomData<fn() -> E>,
}

#[async_trait]
impl<A: Action, E: Event> Endpoint for CommandEndpoint<A, E> {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        let (message, answer) = self.read(kernel, request)?;
        kernel.run(&self.action, &message).await?;
        Ok(Response::json(self.status, answer))
    }
}

impl<A: Action, E: Event> CommandEndpoint<A, E> {
    /// Reads the command from the request. Returns the message for the action, and the JSON for the
    /// response.
    fn read(&self, kernel: &Kernel, request: &Request) -> Result<(Message, Value), Problem> {
        let mut fields: Map<String, Value> =
            if request.body.is_empty() { Map::new() } else { request.json()? };
        let path = request.path.iter();
        fields.extend(path.map(|(name, value)| (name.clone(), value.clone().into())));
        let it: E = body::read(Value::from(fields).to_string().as_bytes())?;
        let answer = serde_json::to_value(&it);
        let answer = answer.map_err(|error| Failure::unwritable("command", &error))?;
        Ok((command(kernel, request, &it)?, answer))
    }
}

fn moment_key(nanoseconds: i128, data: &str) -> String {
    let digest =
        Sha256::new().chain_update(nanoseconds.to_le_bytes()).chain_update(data).finalize();
    hex::encode(&digest[..16])
}
