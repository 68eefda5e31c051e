//! Invented people of many countries and scripts, at example domains.
//!
//! Phone numbers are from ranges that a country's regulator keeps free for fiction; where there is none, the person
//! has no phone.

/// Where a person lives: names as they are written there, with a spelling for e-mail addresses.
#[derive(Debug)]
pub(super) struct Place {
    /// First names.
    pub(super) first: &'static [(&'static str, &'static str)],
    /// Last names.
    pub(super) last: &'static [(&'static str, &'static str)],
    /// A range of phone numbers for fiction.
    pub(super) phones: Option<Phones>,
}

/// A range of phone numbers.
#[derive(Debug)]
pub(super) struct Phones {
    /// The digits that all share, as people write them.
    pub(super) prefix: &'static str,
    /// The smallest of the numbers that follow.
    pub(super) from: u64,
    /// The largest; all are written with as many digits as it has.
    pub(super) to: u64,
}

/// The domains. Source: RFC 2606.
pub(super) const DOMAINS: [&str; 4] = ["example.com", "example.org", "example.net", "mail.example.com"];

/// The places.
pub(super) const PLACES: &[Place] = &[
    Place {
        first: &[("Ada", "ada"), ("Grace", "grace"), ("Mary Ann", "maryann"), ("Miles", "miles"), ("Orson", "orson")],
        last: &[("Lovett", "lovett"), ("O'Neil", "oneil"), ("Hopwell", "hopwell"), ("Smith-Jones", "smithjones")],
        // Source: North American Numbering Plan, 555-0100 to 555-0199.
        phones: Some(Phones { prefix: "+1 212 555 01", from: 0, to: 99 }),
    },
    Place {
        first: &[("Émilie", "emilie"), ("Noé", "noe"), ("Chloé", "chloe"), ("Félix", "felix")],
        last: &[("Tremblay", "tremblay"), ("Gagné", "gagne"), ("Côté", "cote"), ("Bélanger", "belanger")],
        // Source: North American Numbering Plan, 555-0100 to 555-0199.
        phones: Some(Phones { prefix: "+1 (514) 555-01", from: 0, to: 99 }),
    },
    Place {
        first: &[("Isla", "isla"), ("Alfie", "alfie"), ("Poppy", "poppy"), ("Rhys", "rhys")],
        last: &[("Ashdown", "ashdown"), ("Penrose", "penrose"), ("ap Gwilym", "apgwilym"), ("McTavish", "mctavish")],
        // Source: Ofcom, telephone numbers for use in TV and radio drama programmes.
        phones: Some(Phones { prefix: "+44 7700 900", from: 0, to: 999 }),
    },
    Place {
        first: &[("Jürgen", "juergen"), ("Zoë", "zoe"), ("Käthe", "kaethe"), ("Björn", "bjoern")],
        last: &[("Weißgerber", "weissgerber"), ("Müllerin", "muellerin"), ("von der Aue", "vonderaue")],
        // Source: Bundesnetzagentur, numbers for media productions.
        phones: Some(Phones { prefix: "+49 (0)30 23125 ", from: 0, to: 999 }),
    },
    Place {
        first: &[("Valéry", "valery"), ("Anaïs", "anais"), ("Jean-Loup", "jeanloup"), ("Maëlle", "maelle")],
        last: &[("Lefèvre", "lefevre"), ("d'Aubigné", "daubigne"), ("Le Goff", "legoff"), ("Çelik", "celik")],
        // Source: Arcep, numbers for audiovisual works.
        phones: Some(Phones { prefix: "+33 6 39 98 ", from: 0, to: 9999 }),
    },
    Place {
        first: &[("Åsa", "asa"), ("Örjan", "orjan"), ("Märta", "marta")],
        last: &[("Sjöberg", "sjoberg"), ("Ångström", "angstrom"), ("Löfdahl", "lofdahl")],
        // Source: Post- och telestyrelsen, numbers for books and film.
        phones: Some(Phones { prefix: "+46 70 174 06 ", from: 5, to: 99 }),
    },
    Place {
        first: &[("Kirra", "kirra"), ("Lachlan", "lachlan"), ("Matilda", "matilda")],
        last: &[("Bellbird", "bellbird"), ("Wattle", "wattle"), ("Nguyen", "nguyen")],
        // Source: Australian Communications and Media Authority, numbers for creative works.
        phones: Some(Phones { prefix: "+61 491 570 ", from: 156, to: 159 }),
    },
    Place {
        first: &[("João", "joao"), ("Conceição", "conceicao"), ("Thiago", "thiago")],
        last: &[("da Conceição", "daconceicao"), ("Araújo", "araujo"), ("Magalhães", "magalhaes")],
        phones: None,
    },
    Place {
        first: &[("Şule", "sule"), ("İbrahim", "ibrahim"), ("Işıl", "isil")],
        last: &[("Yıldız", "yildiz"), ("Güneş", "gunes"), ("Çağlar", "caglar")],
        phones: None,
    },
    Place {
        first: &[("Олена", "olena"), ("Тарас", "taras"), ("Соломія", "solomiia")],
        last: &[("Вишневенко", "vyshnevenko"), ("Степовий", "stepovyi")],
        phones: None,
    },
    Place {
        first: &[("Ελένη", "eleni"), ("Νίκος", "nikos")],
        last: &[("Θαλασσινός", "thalassinos"), ("Πετράκη", "petraki")],
        phones: None,
    },
    Place {
        first: &[("小龙", "xiaolong"), ("美玲", "meiling")],
        last: &[("欧阳", "ouyang"), ("李", "li"), ("王", "wang")],
        phones: None,
    },
    Place {
        first: &[("さくら", "sakura"), ("健太", "kenta")],
        last: &[("山田", "yamada"), ("佐藤", "sato")],
        phones: None,
    },
    Place {
        first: &[("정", "jeong"), ("민준", "minjun"), ("서연", "seoyeon")],
        last: &[("김", "kim"), ("박", "park")],
        phones: None,
    },
    Place {
        first: &[("ليلى", "layla"), ("يوسف", "yusuf")],
        last: &[("الأندلسي", "alandalusi"), ("النجار", "alnajjar")],
        phones: None,
    },
    Place {
        first: &[("נועה", "noa"), ("איתי", "itai")],
        last: &[("בן־דוד", "bendavid"), ("כרמלי", "karmeli")],
        phones: None,
    },
    Place {
        first: &[("आराध्या", "aaradhya"), ("अर्जुन", "arjun")],
        last: &[("शर्मा", "sharma"), ("वर्मा", "verma")],
        phones: None,
    },
    Place {
        first: &[("สมหญิง", "somying"), ("ธนา", "thana")],
        last: &[("ใจดี", "jaidee"), ("ทองคำ", "thongkham")],
        phones: None,
    },
    Place {
        first: &[("Thị Hương", "thihuong"), ("Văn Đức", "vanduc")],
        last: &[("Nguyễn", "nguyen"), ("Đặng", "dang")],
        phones: None,
    },
];
