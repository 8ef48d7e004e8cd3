//! The keys with which text about people is encrypted: their table, their creation, and their
//! lookup.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chorus_table::Sealed;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SealingKey;
use crate::{Clock, Failure, Found, Store, StoreError, TableSpec, entity, load, save};

/// The table of people's keys. It holds nothing else, so that its backups can be kept for a shorter
/// time than the backups of other tables: a destroyed key can be restored from a backup.
pub const PERSON_KEYS_TABLE: TableSpec = TableSpec { name: "person-keys", indexes: &[], ttl: None };

/// The longest time that a key stays in memory after it was read.
const KEY_CACHE_TIME: SignedDuration = SignedDuration::from_secs(60);

/// How many keys stay in memory at most.
const MAX_CACHED_KEYS: usize = 1_000;

/// How many times [`People::key_for`] tries to store a new key while other calls make a key for the
/// same person.
const ATTEMPTS: usize = 8;

/// A source of encryption keys that nobody can guess.
pub trait Randomness: Send + Sync {
    /// Fresh random bytes.
    ///
    /// # Errors
    /// If the system cannot provide random bytes.
    fn key(&self) -> Result<[u8; 32], Failure>;
}

/// The source of new keys, and the keys that were read in the last minute.
#[derive(Clone)]
pub struct Keyring {
    randomness: Arc<dyn Randomness>,
    remembered: Arc<Mutex<HashMap<String, (Timestamp, SealingKey)>>>,
}

impl Keyring {
    #[must_use]
    pub fn new(randomness: Arc<dyn Randomness>) -> Self {
        Self { randomness, remembered: Arc::default() }
    }
}

/// A person's key, or the fact that the key was destroyed because the person was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PersonKey {
    pub person: String,
    /// Absent once the key was destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SealingKey>,
    /// When the key was made or destroyed.
    pub since: Timestamp,
}

impl PersonKey {
    /// The entry that replaces the key of `person` once the person is forgotten.
    #[must_use]
    pub const fn destroyed(person: String, since: Timestamp) -> Self {
        Self { person, key: None, since }
    }
}

entity!(PersonKey: "person" in PERSON_KEYS_TABLE, by person: String);

/// Looks up and makes people's keys; see [`Kernel::people`].
///
/// [`Kernel::people`]: crate::Kernel::people
#[derive(Clone)]
pub struct People {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keyring: Keyring,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People").finish_non_exhaustive()
    }
}

impl People {
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, keyring: Keyring) -> Self {
        Self { store, clock, keyring }
    }

    /// Returns the key with which to encrypt text about `person`. If the person has no key, this
    /// function makes and stores a new key.
    ///
    /// # Errors
    /// If the store or the source of keys fails.
    pub async fn key_for(&self, person: &str) -> Result<SealingKey, Failure> {
        for _ in 0..ATTEMPTS {
            let known: Found<PersonKey> = load(&*self.store, person.to_owned()).await?;
            if let Some(key) = known.as_ref().and_then(|known| known.key) {
                return Ok(key);
            }
            let key = SealingKey::new(self.keyring.randomness.key()?);
            let since = self.clock.now();
            let made = PersonKey { person: person.to_owned(), key: Some(key), since };
            match self.store.write(&[save(known.as_ref(), &made)]).await {
                Ok(()) => return Ok(key),
                Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::later(
            "Contended",
            "a person's key could not be stored, because other requests wrote it at the same time",
        ))
    }

    /// Runs `read` with the key of `person`, and returns the result; none if `read` returns none,
    /// or if the person has no key, for example because the person was forgotten. `read` may run
    /// several times: first without a key, then with a key from memory. A key stays in memory for a
    /// minute, so text about a forgotten person may stay readable for up to a minute.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn open<T>(
        &self,
        person: &str,
        read: impl Fn(Opener) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let in_memory = [None, self.remembered(person)];
        if let Some(opened) = in_memory.into_iter().find_map(|key| read(Opener(key))) {
            return Ok(Some(opened));
        }
        let known: Found<PersonKey> = load(&*self.store, person.to_owned()).await?;
        let Some(key) = known.and_then(|known| known.value.key) else { return Ok(None) };
        self.remember(person, key);
        Ok(read(Opener(Some(key))))
    }

    /// The person's key, if it was read in the last minute. Also removes from memory every person's
    /// key that was read more than a minute ago.
    fn remembered(&self, person: &str) -> Option<SealingKey> {
        let now = self.clock.now();
        let mut remembered = self.keyring.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|_, (at, _)| {
            let age = now.duration_since(*at);
            age >= SignedDuration::ZERO && age < KEY_CACHE_TIME
        });
        remembered.get(person).map(|(_, key)| *key)
    }

    fn remember(&self, person: &str, key: SealingKey) {
        let mut remembered = self.keyring.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_CACHED_KEYS {
            remembered.clear();
        }
        remembered.insert(person.to_owned(), (self.clock.now(), key));
    }
}

/// Decrypts text about one person. An opener without a key reads only text that is not encrypted.
#[derive(Debug, Clone, Copy)]
pub struct Opener(Option<SealingKey>);

impl Opener {
    /// The decrypted text; none if the text was encrypted with a key that this opener does not
    /// have.
    #[must_use]
    pub fn text(self, sealed: &Sealed) -> Option<String> {
        match self.0 {
            Some(key) => key.open(sealed),
            None => sealed.ciphertext().is_none().then(|| sealed.as_str().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;

    use super::*;
    use crate::testing::{SampleRandomness, expect_ready};
    use crate::{MemoryStore, Versioned, replace};

    struct SetClock(Mutex<Timestamp>);

    #[async_trait]
    impl Clock for SetClock {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
        async fn sleep(&self, _: Duration) {}
    }

    struct Kept {
        store: Arc<MemoryStore>,
        clock: Arc<SetClock>,
        people: People,
    }

    fn people() -> Kept {
        let store = Arc::new(MemoryStore::new(&[PERSON_KEYS_TABLE]));
        let clock = Arc::new(SetClock(Mutex::new(Timestamp::UNIX_EPOCH)));
        let people = People::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&clock) as Arc<dyn Clock>,
            Keyring::new(Arc::new(SampleRandomness)),
        );
        Kept { store, clock, people }
    }

    fn destroy(kept: &Kept, person: &str) {
        let known: Found<PersonKey> = expect_ready(load(&*kept.store, person.to_owned())).unwrap();
        let known: Versioned<PersonKey> = known.unwrap();
        let gone = PersonKey::destroyed(person.to_owned(), Timestamp::UNIX_EPOCH);
        expect_ready(kept.store.write(&[replace(&known, &gone)])).unwrap();
    }

    fn read(kept: &Kept, sealed: &Sealed) -> Option<String> {
        expect_ready(kept.people.open("ana", |opener| opener.text(sealed))).unwrap()
    }

    #[test]
    fn a_person_has_one_key_and_whoever_is_forgotten_cannot_be_read_a_minute_later() {
        let kept = people();
        let key = expect_ready(kept.people.key_for("ana")).unwrap();
        assert_eq!(expect_ready(kept.people.key_for("ana")).unwrap(), key);
        let sealed = key.seal("Obere Str. 57");
        assert_eq!(read(&kept, &sealed).as_deref(), Some("Obere Str. 57"));
        destroy(&kept, "ana");
        *kept.clock.0.lock().unwrap() += SignedDuration::from_secs(60);
        assert_eq!(read(&kept, &sealed), None);
    }

    #[test]
    fn whoever_comes_back_after_they_were_forgotten_has_another_key() {
        let kept = people();
        let sealed = expect_ready(kept.people.key_for("ana")).unwrap().seal("Obere Str. 57");
        destroy(&kept, "ana");
        let key = expect_ready(kept.people.key_for("ana")).unwrap();
        assert_eq!(key.open(&sealed), None);
        let news = key.seal("Torstr. 1");
        assert_eq!(read(&kept, &news).as_deref(), Some("Torstr. 1"));
        assert_eq!(read(&kept, &sealed), None, "what was forgotten stays forgotten");
    }

    #[test]
    fn a_key_that_was_read_a_minute_ago_is_in_memory_no_more_whoever_is_read_next() {
        let kept = people();
        let sealed = expect_ready(kept.people.key_for("ana")).unwrap().seal("Obere Str. 57");
        assert!(read(&kept, &sealed).is_some());
        let in_memory = || {
            let keys = kept.people.keyring.remembered.lock().unwrap();
            keys.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(in_memory(), ["ana"]);
        *kept.clock.0.lock().unwrap() += SignedDuration::from_secs(60);
        let ben = expect_ready(kept.people.key_for("ben")).unwrap().seal("Torstr. 1");
        expect_ready(kept.people.open("ben", |opener| opener.text(&ben))).unwrap();
        assert_eq!(in_memory(), ["ben"]);
    }

    #[test]
    fn text_in_the_clear_needs_no_key() {
        let kept = people();
        assert_eq!(read(&kept, &Sealed::from("Berlin".to_owned())).as_deref(), Some("Berlin"));
    }
}
