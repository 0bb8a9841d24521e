"""Made-up candidates, the same ones every time: for the benchmarks of the directory and of the search.

People of many countries, among them names in Chinese, Japanese, Korean, Arabic, Hebrew and Cyrillic letters.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from benchmarks import people
from engine.directory.profile import Profile

LATEST_MS = 1_800_000_000_000
_YEAR_MS = 365 * 86_400_000

FIRST = [
    *people.FIRST,
    *("Aisha", "Björn", "Camila", "Darius", "Eszter", "Fatima", "Giulia", "Håkon", "Ivana", "Jürgen", "Katarzyna"),
    *(
        "Léa",
        "Maria",
        "Nguyễn",
        "Ömer",
        "Priya",
        "Renée",
        "Saoirse",
        "Thiago",
        "Ursula",
        "Vera",
        "Wei",
        "Yara",
        "Zuzana",
    ),
    *("James", "Emma", "Lucas", "Sofia", "David", "Sarah", "Michael", "Laura", "Daniel", "Julia", "Thomas", "Alice"),
]
LAST = [
    *people.LAST,
    *(
        "Andersson",
        "Bianchi",
        "Castillo",
        "Dubois",
        "El-Sayed",
        "Fernández",
        "Gruber",
        "Horváth",
        "Ivanov",
        "Jovanović",
    ),
    *(
        "Kim",
        "Luján",
        "Müller",
        "Nowak",
        "O'Brien",
        "Patel",
        "Quintero",
        "Romero",
        "Sørensen",
        "Šimić",
        "Tran",
        "Usman",
    ),
    *("Smith", "Johnson", "Williams", "Brown", "Jones", "Miller", "Davis", "Martínez", "López", "Wilson", "Nguyen"),
]
OTHER_SCRIPTS = [
    *(
        "王芳",
        "李伟",
        "张敏",
        "刘洋",
        "陈静",
        "佐藤 健",
        "鈴木 花子",
        "高橋 一郎",
        "田中 美咲",
        "김민준",
        "이서연",
        "박지훈",
    ),
    *("محمد العلي", "فاطمة حسن", "أحمد منصور", "ليلى خوري", "דוד כהן", "נועה לוי", "Иван Петров", "Ольга Смирнова"),
    *("Δημήτρης Παππάς", "Ελένη Νικολάου", "राहुल शर्मा", "สมชาย ใจดี"),
]
SENIORITY = ["", "", "", "Senior ", "Senior ", "Lead ", "Junior ", "Principal ", "Head of ", "Staff "]
FIELDS: dict[str, tuple[list[str], list[str]]] = {
    "Software": (
        ["Software Engineer", "Backend Developer", "Frontend Developer", "Site Reliability Engineer", "Data Engineer"],
        "Python;Java;Go;Rust;C++;TypeScript;JavaScript;React;Node.js;Kubernetes;Docker;Terraform;AWS;Azure;Google Cloud"
        ";PostgreSQL;Redis;Kafka;GraphQL;REST APIs;Linux;Git;CI/CD;Microservices;Distributed Systems;Machine Learning"
        ";TensorFlow;PyTorch;Apache Spark;SQL;MongoDB;Elasticsearch;Scala;Kotlin;Swift;PHP;Ruby on Rails;Django"
        ";Spring Boot;Test Automation".split(";"),
    ),
    "Financial Services": (
        ["Financial Analyst", "Risk Manager", "Portfolio Manager", "Auditor", "Accountant", "Compliance Officer"],
        "Financial Modeling;Valuation;Risk Management;IFRS;US GAAP;Excel;Bloomberg Terminal;Derivatives;Fixed Income"
        ";Portfolio Management;Internal Audit;Anti Money Laundering;Basel III;Corporate Finance;Mergers & Acquisitions"
        ";Budgeting;Forecasting;SAP;Power BI;Treasury".split(";"),
    ),
    "Healthcare": (
        ["Registered Nurse", "Clinical Researcher", "Physician", "Pharmacist", "Hospital Administrator"],
        "Patient Care;Clinical Trials;GCP;Pharmacovigilance;Electronic Health Records;Intensive Care;Oncology"
        ";Cardiology;Medical Writing;Biostatistics;Regulatory Affairs;Epidemiology;Triage;Public Health".split(";"),
    ),
    "Marketing": (
        ["Marketing Manager", "Content Strategist", "Brand Manager", "SEO Specialist", "Product Marketing Manager"],
        "SEO;SEM;Google Analytics;Content Marketing;Copywriting;Brand Strategy;Social Media;Email Marketing;HubSpot"
        ";Salesforce;Market Research;Public Relations;Adobe Photoshop;Figma;Campaign Management;A/B Testing".split(";"),
    ),
    "Manufacturing": (
        ["Mechanical Engineer", "Process Engineer", "Supply Chain Manager", "Quality Manager", "Plant Manager"],
        "Lean Manufacturing;Six Sigma;AutoCAD;SolidWorks;Supply Chain Management;Procurement;ISO 9001;Kaizen;PLC"
        ";Logistics;Production Planning;FMEA;Root Cause Analysis;Maintenance;CNC;Injection Moulding".split(";"),
    ),
    "Education": (
        ["Teacher", "Lecturer", "Research Fellow", "Instructional Designer", "School Principal"],
        "Curriculum Development;E-Learning;Classroom Management;Academic Writing;Statistics;Mentoring;Public Speaking"
        ";Research;Grant Writing;Moodle;Pedagogy;Special Education".split(";"),
    ),
    "Human Resources": (
        ["Recruiter", "HR Business Partner", "Talent Acquisition Manager", "People Operations Manager"],
        "Sourcing;Interviewing;Employer Branding;Compensation;Labor Law;Onboarding;Workday;Coaching;Negotiation"
        ";Organizational Development;Diversity & Inclusion;Succession Planning".split(";"),
    ),
}
COMMON_SKILLS = "Project Management;Leadership;Communication;Agile;Scrum;Stakeholder Management;Teamwork".split(";")
COMPANY_STEM = (
    *("Northwind", "Umbra", "Kestrel", "Oak & Sons", "Vela", "Harbour", "Tern", "Quarry", "Aurora", "Basalt", "Cobalt"),
    *("Delta", "Ember", "Fjord", "Granite", "Halcyon", "Indigo", "Juniper", "Krypton", "Lumen", "Meridian", "Nimbus"),
    *(
        "Orion",
        "Pinnacle",
        "Quill",
        "Ridge",
        "Summit",
        "Trident",
        "Ursa",
        "Vertex",
        "Willow",
        "Xylem",
        "Yonder",
        "Zephyr",
    ),
)
COMPANY_END = (
    "",
    " Labs",
    " Systems",
    " Group",
    " GmbH",
    " Ltd",
    " Health",
    " Bank",
    " Partners",
    " Technologies",
    " AG",
)
LOCATION = (
    *("Lisbon, Portugal", "Berlin, Germany", "Nairobi, Kenya", "Osaka, Japan", "Toronto, Canada", "Lima, Peru"),
    *("Kraków, Poland", "İstanbul, Türkiye", "Oslo, Norway", "Pune, India", "London, United Kingdom", "Paris, France"),
    *(
        "New York, NY",
        "San Francisco, CA",
        "Austin, TX",
        "Seattle, WA",
        "Boston, MA",
        "São Paulo, Brazil",
        "Madrid, Spain",
    ),
    *(
        "Zürich, Switzerland",
        "Amsterdam, Netherlands",
        "Dublin, Ireland",
        "Singapore",
        "Sydney, Australia",
        "Tokyo, Japan",
    ),
    *("Cairo, Egypt", "Lagos, Nigeria", "Dubai, UAE", "Bengaluru, India", "Shanghai, China", "Seoul, South Korea"),
    *("Mexico City, Mexico", "Buenos Aires, Argentina", "Bogotá, Colombia", "Warsaw, Poland", "Malmö, Sweden"),
)
LANGUAGE = (
    *("English", "Spanish", "French", "German", "Portuguese", "Mandarin", "Hindi", "Arabic", "Japanese", "Italian"),
    *("Russian", "Dutch", "Polish", "Turkish", "Korean"),
)


def candidates(n: int, seed: int = 8, first: int = 0) -> Iterator[Profile]:
    """``n`` profiles; every id and every address is its own, at a domain nobody can have."""
    rng = random.Random(seed)
    for i in range(first, first + n):
        yield _candidate(rng, i)


def _candidate(rng: random.Random, i: int) -> Profile:
    if rng.random() < 0.06:
        name, local = rng.choice(OTHER_SCRIPTS), "person"
    else:
        given, family = rng.choice(FIRST), rng.choice(LAST)
        name, local = f"{given} {family}", f"{people.plain(given)}.{people.plain(family)}"
    industry = rng.choices(list(FIELDS), weights=(34, 16, 13, 12, 11, 8, 6))[0]
    titles, known = FIELDS[industry]
    title = rng.choice(SENIORITY) + _often_the_first(rng, titles)
    company = rng.choice(COMPANY_STEM) + rng.choice(COMPANY_END)
    skills = _some(rng, known, rng.randint(2, 9)) + _some(rng, COMMON_SKILLS, rng.randint(0, 3))
    languages = _some(rng, LANGUAGE, rng.choices((0, 1, 2, 3, 4), weights=(10, 40, 30, 15, 5))[0])
    recent = rng.random() ** 3  # most were here lately
    return Profile(
        id=f"c{i:07}",
        name=name,
        headline=_headline(rng, title, company, skills),
        title=title,
        company=company,
        location=_often_the_first(rng, LOCATION),
        skills=tuple(skills),
        industry=industry,
        years=None if rng.random() < 0.08 else min(45, int(rng.gammavariate(2.2, 4.5))),
        languages=tuple(languages),
        open_to_work=rng.random() < 0.22,
        last_active_ms=0 if rng.random() < 0.05 else int(LATEST_MS - recent * 3 * _YEAR_MS),
        address=f"{local}{rng.randrange(10**4):04}.{i}@example.org",
        consent=rng.random() > 0.02,
    )


def _headline(rng: random.Random, title: str, company: str, skills: Sequence[str]) -> str:
    roll = rng.random()
    if roll < 0.15:
        return ""
    if roll < 0.5:
        return f"{title} at {company}"
    if roll < 0.8:
        return f"{title} | {' | '.join(skills[:3])}"
    return f"Helping teams with {skills[0]} and {skills[-1]}"


def _often_the_first(rng: random.Random, choices: Sequence[str]) -> str:
    """One of the choices, the first ones far more often: cities and skills are not alike in size."""
    return rng.choices(choices, cum_weights=_weights(len(choices)))[0]


def _some(rng: random.Random, choices: Sequence[str], n: int) -> list[str]:
    found = dict.fromkeys(rng.choices(choices, cum_weights=_weights(len(choices)), k=n)) if n else {}
    return list(found)


_known: dict[int, list[float]] = {}


def _weights(n: int) -> list[float]:
    if n not in _known:
        _known[n] = list(accumulate(1 / (rank + 2) for rank in range(n)))
    return _known[n]
