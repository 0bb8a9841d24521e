"""The words made-up candidates are made of."""

from __future__ import annotations

from benchmarks import people


def _words(joined: str) -> list[str]:
    return joined.split(";")


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
        _words(
            "Python;Java;Go;Rust;C++;TypeScript;JavaScript;React;Node.js;Kubernetes;Docker;Terraform"
            ";AWS;Azure;Google Cloud;PostgreSQL;Redis;Kafka;GraphQL;REST APIs;Linux;Git;CI/CD;Microservices"
            ";Distributed Systems;Machine Learning;TensorFlow;PyTorch;Apache Spark;SQL;MongoDB;Elasticsearch"
            ";Scala;Kotlin;Swift;PHP;Ruby on Rails;Django;Spring Boot;Test Automation"
        ),
    ),
    "Financial Services": (
        ["Financial Analyst", "Risk Manager", "Portfolio Manager", "Auditor", "Accountant", "Compliance Officer"],
        _words(
            "Financial Modeling;Valuation;Risk Management;IFRS;US GAAP;Excel;Bloomberg Terminal;Derivatives"
            ";Fixed Income;Portfolio Management;Internal Audit;Anti Money Laundering;Basel III;Corporate Finance"
            ";Mergers & Acquisitions;Budgeting;Forecasting;SAP;Power BI;Treasury"
        ),
    ),
    "Healthcare": (
        ["Registered Nurse", "Clinical Researcher", "Physician", "Pharmacist", "Hospital Administrator"],
        _words(
            "Patient Care;Clinical Trials;GCP;Pharmacovigilance;Electronic Health Records;Intensive Care;Oncology"
            ";Cardiology;Medical Writing;Biostatistics;Regulatory Affairs;Epidemiology;Triage;Public Health"
        ),
    ),
    "Marketing": (
        ["Marketing Manager", "Content Strategist", "Brand Manager", "SEO Specialist", "Product Marketing Manager"],
        _words(
            "SEO;SEM;Google Analytics;Content Marketing;Copywriting;Brand Strategy;Social Media;Email Marketing;HubSpot"
            ";Salesforce;Market Research;Public Relations;Adobe Photoshop;Figma;Campaign Management;A/B Testing"
        ),
    ),
    "Manufacturing": (
        ["Mechanical Engineer", "Process Engineer", "Supply Chain Manager", "Quality Manager", "Plant Manager"],
        _words(
            "Lean Manufacturing;Six Sigma;AutoCAD;SolidWorks;Supply Chain Management;Procurement;ISO 9001;Kaizen;PLC"
            ";Logistics;Production Planning;FMEA;Root Cause Analysis;Maintenance;CNC;Injection Moulding"
        ),
    ),
    "Education": (
        ["Teacher", "Lecturer", "Research Fellow", "Instructional Designer", "School Principal"],
        _words(
            "Curriculum Development;E-Learning;Classroom Management;Academic Writing;Statistics;Mentoring"
            ";Public Speaking;Research;Grant Writing;Moodle;Pedagogy;Special Education"
        ),
    ),
    "Human Resources": (
        ["Recruiter", "HR Business Partner", "Talent Acquisition Manager", "People Operations Manager"],
        _words(
            "Sourcing;Interviewing;Employer Branding;Compensation;Labor Law;Onboarding;Workday;Coaching;Negotiation"
            ";Organizational Development;Diversity & Inclusion;Succession Planning"
        ),
    ),
}
COMMON_SKILLS = _words("Project Management;Leadership;Communication;Agile;Scrum;Stakeholder Management;Teamwork")
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
