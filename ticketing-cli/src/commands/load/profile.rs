//! What a load is made of: which commands in which proportion, on which departures, at which pace. No clock, no
//! network; the same seed gives the same choices.

use std::fmt;
use std::time::Duration;

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `POST /api/tickets/commands/reserve`
    Reserve,
    /// `POST /api/tickets/commands/book`
    Book,
    /// `POST /api/tickets/commands/confirm`, as the payment service
    Confirm,
    /// `POST /api/tickets/commands/cancel`
    Cancel,
    /// `GET /api/tickets/queries/my-tickets`
    Tickets,
    /// `GET /api/schedules/{id}/seats`
    Seats,
    /// `GET /api/routes/{id}/schedules`
    Schedules,
}

impl Kind {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Reserve, Self::Book, Self::Confirm, Self::Cancel, Self::Tickets, Self::Seats, Self::Schedules];

    /// The word for it in `--mix` and in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Book => "book",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Tickets => "tickets",
            Self::Seats => "seats",
            Self::Schedules => "schedules",
        }
    }

    /// Says whether it changes data, so that a lost answer leaves a doubt.
    pub const fn is_write(self) -> bool {
        match self {
            Self::Reserve | Self::Book | Self::Confirm | Self::Cancel => true,
            Self::Tickets | Self::Seats | Self::Schedules => false,
        }
    }
}

/// What `read` stands for in `--mix`, in equal parts.
const READS: [Kind; 3] = [Kind::Tickets, Kind::Seats, Kind::Schedules];

/// The largest weight of a command in `--mix`.
const WEIGHT_MAX: u64 = 1_000_000;

/// The proportions of the commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// In the order of [`Kind::ALL`], with a common factor so that `read` divides evenly.
    weights: [u64; Kind::ALL.len()],
}

impl Mix {
    /// Reads `book=60,confirm=20,read=20`: whole numbers, of which only the proportion counts.
    ///
    /// # Errors
    /// What is wrong, and what a mix looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = u64::try_from(READS.len()).unwrap_or(1);
        let mut weights = [0; Kind::ALL.len()];
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (word, number) =
                part.split_once('=').ok_or_else(|| format!("`{part}` has no `=`; {}", example()))?;
            let weight: u64 =
                number.parse().ok().filter(|weight| *weight <= WEIGHT_MAX && is_number(number)).ok_or_else(
                    || format!("`{number}` is no whole number up to {WEIGHT_MAX}; {}", example()),
                )?;
            if seen.contains(&word) {
                return Err(format!("`{word}` is there twice; {}", example()));
            }
            seen.push(word);
            match Kind::ALL.iter().position(|kind| kind.word() == word) {
                Some(index) => weights[index] += weight * parts,
                None if word == "read" => READS.into_iter().for_each(|read| weights[read as usize] += weight),
                None => return Err(format!("there is no command `{word}`; {}", example())),
            }
        }
        let mix = Self { weights };
        if mix.total() == 0 {
            return Err(format!("all of it is 0; {}", example()));
        }
        let makes = mix.weight(Kind::Book) + mix.weight(Kind::Reserve) > 0;
        if !makes && mix.weight(Kind::Confirm) + mix.weight(Kind::Cancel) > 0 {
            return Err("confirm and cancel need bookings of this run; add book or reserve".into());
        }
        Ok(mix)
    }

    fn weight(&self, kind: Kind) -> u64 {
        self.weights[kind as usize]
    }

    fn total(&self) -> u64 {
        self.weights.iter().sum()
    }

    /// Says whether it has requests of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.weight(kind) > 0
    }

    /// Says whether it can change data.
    pub fn writes(&self) -> bool {
        Kind::ALL.into_iter().any(|kind| kind.is_write() && self.weight(kind) > 0)
    }

    /// Says whether it confirms, which leaves seats sold that no hold's end frees.
    pub fn confirms(&self) -> bool {
        self.weight(Kind::Confirm) > 0
    }

    /// Returns the kind of the next request.
    pub fn pick(&self, rng: &mut Rng) -> Kind {
        let mut at = rng.below(self.total());
        for kind in Kind::ALL {
            match at.checked_sub(self.weight(kind)) {
                Some(rest) => at = rest,
                None => return kind,
            }
        }
        Kind::Tickets
    }

    /// Returns what makes a booking where there is none yet to confirm or cancel, in the mix's own proportion.
    pub fn pick_making(&self, rng: &mut Rng) -> Kind {
        let reserves = self.weight(Kind::Reserve);
        if rng.below(reserves + self.weight(Kind::Book)) < reserves { Kind::Reserve } else { Kind::Book }
    }

    /// Returns each command's share of the requests, in percent, without those that never come.
    pub fn shares(&self) -> Vec<(&'static str, f64)> {
        let total = self.total() as f64;
        let share = |kind: Kind| (kind.word(), (self.weight(kind) as f64 * 1000.0 / total).round() / 10.0);
        Kind::ALL.into_iter().filter(|kind| self.weight(*kind) > 0).map(share).collect()
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares: Vec<_> = self.shares().iter().map(|(word, share)| format!("{word} {share} %")).collect();
        f.write_str(&shares.join(", "))
    }
}

fn example() -> String {
    let words = Kind::ALL.map(Kind::word).join(", ");
    format!("write it as book=60,confirm=20,read=20, of {words} and read (the last three in equal parts)")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// How often an open loop sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests a second.
    pub per_second: f64,
}

/// The highest rate: more can't be sent by one process.
const RATE_MAX: u64 = 1_000_000;

impl Rate {
    /// Reads `500/s` or `3000/m`.
    ///
    /// # Errors
    /// Says what a rate looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("write a count of 1 to {RATE_MAX} and /s or /m, such as 500/s");
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1.0,
            "m" => 60.0,
            _ => return Err(wrong()),
        };
        let count: u64 = count.parse().ok().filter(|_| is_number(count)).ok_or_else(wrong)?;
        if !(1..=RATE_MAX).contains(&count) {
            return Err(wrong());
        }
        Ok(Self { per_second: count as f64 / seconds })
    }

    /// Returns when the request with this number is to be sent, counted from the begin.
    pub fn due(self, number: u64) -> Duration {
        Duration::from_secs_f64(number as f64 / self.per_second)
    }

    /// Returns how many requests are due in a time.
    pub fn due_within(self, time: Duration) -> u64 {
        (time.as_secs_f64() * self.per_second).ceil() as u64
    }
}

/// Reads `1%` or `0.5%`, from 0 to 100.
///
/// # Errors
/// Says what a percentage looks like.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').map(str::trim_end);
    number
        .filter(|number| number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        .and_then(|number| number.parse::<f64>().ok())
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| "write a percentage of 0% to 100%, such as 1% or 0.5%".into())
}

/// Which departures the requests go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PickKind {
    /// All alike
    Uniform,
    /// Most of them to few, as in a sale
    Hot,
}

/// The part of the departures that `--hot-share` speaks of: a tenth, and one at least.
pub const HOT_DIVISOR: usize = 10;

/// Steps by which the exponent is searched: to one part in a billion of its range.
const SEARCH_STEPS: u32 = 30;
/// The steepest exponent: the first of two gets more than 99.9 %.
const EXPONENT_MAX: f64 = 12.0;

/// A choice among departures by their rank.
#[derive(Clone, Debug)]
pub struct Picker {
    /// The sums of the weights up to each rank; the last is 1.
    sums: Vec<f64>,
}

impl Picker {
    /// All of `count` alike.
    pub fn uniform(count: usize) -> Self {
        Self::zipf(count, 0.0)
    }

    /// By Zipf's law (the n-th gets 1/n^s of what the first gets), with that `s` by which the first tenth together
    /// gets `hot_percent` of all. Less than the tenth's even share is the even share.
    pub fn hot(count: usize, hot_percent: f64) -> Self {
        let hot = count.div_ceil(HOT_DIVISOR).max(1);
        let (mut low, mut high) = (0.0, EXPONENT_MAX);
        for _ in 0..SEARCH_STEPS {
            let middle = f64::midpoint(low, high);
            if Self::zipf(count, middle).share_of_first(hot) * 100.0 < hot_percent {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self::zipf(count, low)
    }

    fn zipf(count: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut sums: Vec<f64> = (1..=count)
            .map(|rank| {
                sum += (rank as f64).powf(-exponent);
                sum
            })
            .collect();
        sums.iter_mut().for_each(|at| *at /= sum);
        Self { sums }
    }

    fn share_of_first(&self, count: usize) -> f64 {
        count.checked_sub(1).and_then(|last| self.sums.get(last)).copied().unwrap_or(1.0)
    }

    /// Returns the rank of the next one, from 0.
    pub fn pick(&self, rng: &mut Rng) -> usize {
        let at = rng.fraction();
        self.sums.partition_point(|sum| *sum <= at).min(self.sums.len().saturating_sub(1))
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a few cycles a number, good enough to choose departures by.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The sequence of `seed`; `stream` tells apart those who share it.
    pub const fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        // Neighbouring streams begin far from each other.
        rng.0 = rng.next();
        rng
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `limit`; 0 if that is 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        // Multiplied, not divided (Lemire, 2019): the bias is below 2^-40 for the counts that are chosen among here.
        ((self.next() as u128 * limit as u128) >> 64) as u64
    }

    /// Returns an index below `len`.
    pub const fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// Returns a number from 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Brings a list into an order of its own.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Mix, Picker, Rate, Rng, percent};
    use std::time::Duration;

    #[test]
    fn a_mix_is_read_as_proportions_and_read_divides_evenly() {
        let mix = Mix::parse("book=60, confirm=20,read=20").unwrap();
        let expected =
            [("book", 60.0), ("confirm", 20.0), ("tickets", 6.7), ("seats", 6.7), ("schedules", 6.7)];
        assert_eq!(mix.shares(), expected);
        assert!(mix.writes() && mix.confirms());
        let mix = Mix::parse("read=1,tickets=1").unwrap();
        assert_eq!(mix.shares(), [("tickets", 66.7), ("seats", 16.7), ("schedules", 16.7)]);
        assert!(!mix.writes());
    }

    #[test]
    fn a_mix_that_cannot_be_meant_is_refused_with_its_reason() {
        for (text, why) in [
            ("", "has no `=`"),
            ("book", "has no `=`"),
            ("buy=1", "no command `buy`"),
            ("book=-1", "no whole number"),
            ("book=+1", "no whole number"),
            ("book=1000001", "no whole number"),
            ("book=1,book=2", "twice"),
            ("book=0", "all of it is 0"),
            ("cancel=1,read=5", "add book or reserve"),
        ] {
            let refused = Mix::parse(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn what_is_picked_comes_in_the_proportion_of_the_mix() {
        let mix = Mix::parse("book=3,cancel=1").unwrap();
        let mut rng = Rng::new(7, 0);
        let books = (0..10_000).filter(|_| mix.pick(&mut rng) == Kind::Book).count();
        assert!((7_300..7_700).contains(&books), "{books}");
        assert!((0..100).all(|_| mix.pick_making(&mut rng) == Kind::Book));
    }

    #[test]
    fn a_tenth_of_the_departures_gets_the_hot_share() {
        for share in [50.0, 80.0, 95.0] {
            let picker = Picker::hot(100, share);
            let mut rng = Rng::new(1, 2);
            let hot = (0..20_000).filter(|_| picker.pick(&mut rng) < 10).count() as f64 / 200.0;
            assert!((hot - share).abs() < 1.5, "{share}: {hot}");
        }
        assert_eq!(Picker::hot(1, 80.0).pick(&mut Rng::new(1, 1)), 0);
    }

    #[test]
    fn uniform_reaches_every_departure_about_as_often() {
        let picker = Picker::uniform(10);
        let (mut rng, mut hits) = (Rng::new(3, 0), [0_u32; 10]);
        (0..10_000).for_each(|_| hits[picker.pick(&mut rng)] += 1);
        assert!(hits.iter().all(|hits| (850..1150).contains(hits)), "{hits:?}");
    }

    #[test]
    fn the_same_seed_chooses_the_same_and_streams_differ() {
        let numbers = |stream| {
            let mut rng = Rng::new(42, stream);
            [rng.below(1000), rng.below(1000), rng.below(1000), rng.below(1000)]
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn a_rate_says_when_each_request_is_due() {
        let rate = Rate::parse("200/s").unwrap();
        assert_eq!((rate.due(0), rate.due(100)), (Duration::ZERO, Duration::from_millis(500)));
        assert_eq!(rate.due_within(Duration::from_secs(2)), 400);
        assert_eq!(Rate::parse("30/m").unwrap().due(1), Duration::from_secs(2));
        for text in ["", "5", "0/s", "5/h", "-5/s", "+5/s", "1.5/s", "1000001/s", "/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_percentage_has_its_sign() {
        assert_eq!((percent("1%"), percent("0.5 %"), percent("0%")), (Ok(1.0), Ok(0.5), Ok(0.0)));
        for text in ["1", "%", "101%", "-1%", "x%", "NaN%", "inf%", "1e1%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
