//! Reproducible random choices.

/// A generator whose seed is printed with a failing test; `FARSHORE_SEED` sets it.
pub(crate) fn rng() -> fastrand::Rng {
    let seed = match std::env::var("FARSHORE_SEED") {
        Ok(text) => text.parse().expect("FARSHORE_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("FARSHORE_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
