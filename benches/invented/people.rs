//! Invented people of thirteen countries, in the scripts that are written there.
//!
//! Their phone numbers have the form and length of real ones; where a country keeps numbers free for fiction, they
//! are those.

/// A country, how its people are called and how their phone numbers are written.
pub(super) struct Place {
    /// How many of a thousand people live there.
    pub(super) share: u64,
    /// The country's calling code.
    pub(super) code: &'static str,
    /// Whether numbers start with a zero at home.
    pub(super) has_trunk_zero: bool,
    /// The first digits of a number, without trunk zero.
    pub(super) prefix: &'static str,
    /// How many digits follow.
    pub(super) digits: usize,
    /// First names.
    pub(super) first: &'static [&'static str],
    /// Last names.
    pub(super) last: &'static [&'static str],
}

/// How many digits of a number of the US, in which anything but the area code says that it is fiction, are free.
/// Source: North American Numbering Plan, 555-0100 to 555-0199.
pub(super) const FICTION: (&str, usize) = ("55501", 2);

/// Parts of e-mail addresses before the `@`.
pub(super) const WORDS: [&str; 24] = [
    "ada", "alex", "bea", "chris", "dana", "eli", "fran", "grace", "hana", "ivan", "jo", "kim", "lee", "maria", "noor",
    "olga", "pat", "quinn", "robin", "sam", "taylor", "uma", "vera", "will",
];

/// Domains. Source: RFC 2606.
pub(super) const DOMAINS: [&str; 5] =
    ["example.com", "example.org", "example.net", "mail.example.com", "customers.example.org"];

/// The places; the first is the US, whose numbers come from [`FICTION`].
pub(super) const PLACES: [Place; 13] = [
    Place {
        share: 620,
        code: "1",
        has_trunk_zero: false,
        prefix: "",
        digits: 10,
        first: &[
            "James",
            "Mary",
            "Robert",
            "Patricia",
            "John",
            "Jennifer",
            "Michael",
            "Linda",
            "David",
            "Elizabeth",
            "William",
            "Barbara",
            "Richard",
            "Susan",
            "Joseph",
            "Jessica",
            "Thomas",
            "Sarah",
            "Mary Ann",
            "D'Andre",
            "Jean-Luc",
            "José",
            "Zoë",
            "LaToya",
            "Ana María",
            "Aaliyah",
        ],
        last: &[
            "Smith",
            "Johnson",
            "Williams",
            "Brown",
            "Jones",
            "Garcia",
            "Miller",
            "Davis",
            "Rodriguez",
            "Martinez",
            "Hernandez",
            "Lopez",
            "Wilson",
            "Anderson",
            "Taylor",
            "O'Neil",
            "Smith-Jones",
            "Muñoz",
            "St. John",
            "McTavish",
            "Nguyen",
            "Washington",
            "Van Buren",
            "Peña",
            "King Jr.",
            "Goldberg",
        ],
    },
    Place {
        share: 60,
        code: "44",
        has_trunk_zero: true,
        // Source: Ofcom, telephone numbers for use in TV and radio drama programmes.
        prefix: "7700900",
        digits: 3,
        first: &["Isla", "Alfie", "Poppy", "Rhys", "Siân"],
        last: &["Ashdown", "Penrose", "ap Gwilym", "McTavish", "Featherstone"],
    },
    Place {
        share: 50,
        code: "49",
        has_trunk_zero: true,
        // Source: Bundesnetzagentur, numbers for media productions.
        prefix: "3023125",
        digits: 3,
        first: &["Jürgen", "Käthe", "Björn", "Anna-Lena", "Uwe"],
        last: &["Weißgerber", "Müller", "von der Aue", "Schäfer", "Schmidt"],
    },
    Place {
        share: 40,
        code: "33",
        has_trunk_zero: true,
        // Source: Arcep, numbers for audiovisual works.
        prefix: "63998",
        digits: 4,
        first: &["Valéry", "Anaïs", "Jean-Loup", "Maëlle", "Luc"],
        last: &["Lefèvre", "d'Aubigné", "Le Goff", "Çelik", "Martin"],
    },
    Place {
        share: 40,
        code: "55",
        has_trunk_zero: false,
        prefix: "119",
        digits: 8,
        first: &["João", "Conceição", "Thiago", "Ana"],
        last: &["da Silva", "Araújo", "Magalhães", "Souza"],
    },
    Place {
        share: 40,
        code: "91",
        has_trunk_zero: true,
        prefix: "98",
        digits: 8,
        first: &["आराध्या", "अर्जुन", "Priya", "Rahul"],
        last: &["शर्मा", "वर्मा", "Patel", "Singh"],
    },
    Place {
        share: 40,
        code: "52",
        has_trunk_zero: false,
        prefix: "55",
        digits: 8,
        first: &["María José", "Iñigo", "Lucía", "Carlos"],
        last: &["Núñez", "Hernández", "de la Cruz", "Ramírez"],
    },
    Place {
        share: 25,
        code: "34",
        has_trunk_zero: false,
        prefix: "6",
        digits: 8,
        first: &["Begoña", "Andrés", "Núria"],
        last: &["Ibáñez", "García López", "Puig"],
    },
    Place {
        share: 20,
        code: "48",
        has_trunk_zero: false,
        prefix: "5",
        digits: 8,
        first: &["Łukasz", "Małgorzata", "Zofia"],
        last: &["Wiśniewski", "Wójcik", "Nowak"],
    },
    Place {
        share: 20,
        code: "81",
        has_trunk_zero: true,
        prefix: "90",
        digits: 8,
        first: &["さくら", "健太", "ケンジ"],
        last: &["山田", "佐藤", "鈴木"],
    },
    Place {
        share: 15,
        code: "380",
        has_trunk_zero: true,
        prefix: "50",
        digits: 7,
        first: &["Олена", "Тарас", "Соломія"],
        last: &["Вишневенко", "Степовий", "Кам'янська"],
    },
    Place {
        share: 15,
        code: "20",
        has_trunk_zero: true,
        prefix: "10",
        digits: 8,
        first: &["ليلى", "يوسف", "محمد"],
        last: &["الأندلسي", "النجار", "حسن"],
    },
    Place {
        share: 15,
        code: "61",
        has_trunk_zero: true,
        // Source: Australian Communications and Media Authority, numbers for creative works.
        prefix: "49157015",
        digits: 1,
        first: &["Kirra", "Lachlan", "Matilda"],
        last: &["Bellbird", "Wattle", "Nguyen"],
    },
];
