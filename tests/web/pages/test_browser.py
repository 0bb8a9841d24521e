"""The candidate's pages in a real browser: a phone's screen, no JavaScript, the keyboard alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from engine import choices, conversations
from engine.answers import UNDO_MS
from engine.store import Store, open_client
from tests.conftest import NOON_MS
from tests.factories import an_account, letters
from tests.web.pages.conftest import Site, dump
from tests.web.pages.factories import a_rich_campaign

TO = "kavita@example.org"
PHONE = (360, 780)
WIDE = (1100, 900)
PICTURES = os.environ.get("INMAIL_PICTURES")
"""A folder: the screenshots of docs/images are made anew there."""

pytestmark = pytest.mark.redis


def _browser(*, scripts: bool, dark: bool = False) -> WebDriver:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        if os.environ.get("CI"):
            pytest.fail("CI must have a browser: .ci/run installs chromium and chromium-driver")
        pytest.skip("no chromium and chromedriver on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_argument("--disable-background-networking")
    options.add_argument("--lang=en-GB")
    if dark:
        options.add_argument("--force-dark-mode")
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


@pytest.fixture(scope="module")
def scripted() -> Iterator[WebDriver]:
    made = _browser(scripts=True)
    yield made
    made.quit()


@pytest.fixture(scope="module")
def unscripted() -> Iterator[WebDriver]:
    made = _browser(scripts=False)
    yield made
    made.quit()


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    """A real Redis alone: these tests take seconds, and what differs between stores is tested elsewhere."""
    client = open_client(redis_url)
    client.flushdb()
    yield Store(client, at_ms=NOON_MS)
    client.close()


@pytest.fixture
def inmail(store: Store) -> str:
    an_account(store, credits_=1)
    store.client.hset(store.keys.account("acme"), mapping={"name": "Harbour Talent", "email": "alma@harbour.example"})
    return a_rich_campaign(store)


def sized(browser: WebDriver, size: tuple[int, int]) -> WebDriver:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1.5, "mobile": size == PHONE},
    )
    return browser


def press(browser: WebDriver, words: str) -> None:
    """Press the button with those words, and wait for the next page."""
    button = next(each for each in browser.find_elements(By.TAG_NAME, "button") if each.text == words)
    body = browser.find_element(By.TAG_NAME, "body")
    button.click()
    arrived(browser, body)


def arrived(browser: WebDriver, before: WebElement) -> None:
    """Wait until another page than ``before`` is there."""

    def another(_: WebDriver) -> bool:
        return browser.find_element(By.TAG_NAME, "body").id != before.id

    WebDriverWait(browser, 10, poll_frequency=0.05).until(another)


def picture(browser: WebDriver, name: str, size: tuple[int, int] = PHONE) -> None:
    if PICTURES:
        height = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["height"]
        sized(browser, (size[0], max(size[1], min(height, 2400))))
        browser.save_screenshot(str(Path(PICTURES) / f"{name}.png"))
        sized(browser, size)


def complaints(browser: WebDriver) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if "favicon" not in entry["message"]]


def test_a_candidate_accepts_on_a_phone(scripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(scripted, PHONE)
    browser.get_log("browser")
    browser.get(site.link(inmail))
    picture(browser, "inmail-phone")
    assert browser.find_element(By.TAG_NAME, "h1").text == "Keeping harbours online, Kavita"
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    for button in browser.find_elements(By.CSS_SELECTOR, "button.main, summary"):
        assert button.size["height"] >= 44
        assert button.size["width"] >= 250
    browser.find_element(By.ID, "text").send_keys("Gladly. Tuesday after ten suits me.")
    press(browser, "Interested")

    assert "Your answer is with Harbour Talent" in browser.find_element(By.TAG_NAME, "h1").text
    picture(browser, "answered-phone")
    assert letters(site.store, "acme.1") == "A"
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    assert complaints(browser) == []


def test_a_candidate_declines_with_javascript_off(unscripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(unscripted, PHONE)
    browser.get("data:text/html,<p id=p>off</p><script>p.textContent='on'</script>")
    assert browser.find_element(By.ID, "p").text == "off"

    browser.get(site.link(inmail))
    browser.find_elements(By.TAG_NAME, "summary")[1].click()
    browser.find_element(By.CSS_SELECTOR, "#reason option[value=location]").click()
    picture(browser, "no-thanks-phone")
    press(browser, "Send: no thanks")

    assert "No thanks (the place)" in browser.find_element(By.TAG_NAME, "main").text
    assert letters(site.store, "acme.1") == "D"


def test_not_now_without_a_day_is_asked_for_again_and_with_one_is_taken(
    scripted: WebDriver, site: Site, inmail: str
) -> None:
    browser = sized(scripted, PHONE)
    browser.get(site.link(inmail))
    browser.find_elements(By.TAG_NAME, "summary")[0].click()
    press(browser, "Send: not now")
    assert letters(site.store, "acme.1") == "S"
    picture(browser, "not-now-phone")
    day = browser.find_element(By.ID, "until")
    assert day.is_displayed()
    assert day.get_attribute("aria-invalid") == "true"
    assert browser.switch_to.active_element.get_attribute("role") == "alert"
    day.send_keys("03032027")  # whichever of day and month comes first
    press(browser, "Send: not now")
    assert conversations.read(site.store, inmail, address=TO).answer.until == "2027-03-03"


def test_an_answer_is_taken_back_and_given_otherwise(unscripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(unscripted, PHONE)
    browser.get(site.link(inmail))
    press(browser, "Interested")
    press(browser, "Take my answer back")
    assert letters(site.store, "acme.1") == "S"
    browser.find_elements(By.TAG_NAME, "summary")[1].click()
    press(browser, "Send: no thanks")
    assert letters(site.store, "acme.1") == "D"


def test_the_conversation_goes_on_after_the_answer(unscripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(unscripted, WIDE)
    browser.get(site.link(inmail))
    picture(browser, "inmail-wide", WIDE)
    press(browser, "Interested")
    site.store.at_ms += 240_000
    conversations.say(site.store, inmail, text="Lovely. Would Tuesday at ten suit you?\nAlma", account="acme")
    site.store.at_ms += 120_000
    browser.refresh()
    browser.find_element(By.ID, "text").send_keys("It does. Talk to you then!")
    press(browser, "Send")
    said = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".thread li")]
    assert "Would Tuesday at ten suit you?" in said[-2]
    assert "It does. Talk to you then!" in said[-1]
    picture(browser, "conversation-wide", WIDE)


def test_an_expired_link_says_so_and_no_more(unscripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(unscripted, PHONE)
    url = site.link(inmail)
    site.store.at_ms += 31 * 86_400_000
    browser.get(url)
    assert browser.find_element(By.TAG_NAME, "h1").text == "This link cannot be used"
    assert "Harbour" not in browser.page_source
    picture(browser, "refused-phone")


def test_a_used_link_looks_as_an_expired_one(unscripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(unscripted, PHONE)
    url = site.link(inmail)
    browser.get(url)
    press(browser, "Interested")
    site.store.at_ms += UNDO_MS
    browser.get(url)
    used = browser.page_source
    browser.get(url[:-1])
    assert browser.page_source == used


def test_the_keyboard_alone_answers_and_always_shows_where_it_is(scripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(scripted, WIDE)
    browser.get(site.link(inmail))

    def tab() -> WebElement:
        webdriver.ActionChains(browser).send_keys(Keys.TAB).perform()
        here = browser.switch_to.active_element
        assert here.value_of_css_property("outline-style") == "solid"
        assert float(here.value_of_css_property("outline-width").removesuffix("px")) >= 2
        return here

    assert tab().get_attribute("id") == "text"
    webdriver.ActionChains(browser).send_keys("By keyboard").perform()
    assert tab().text == "Interested"
    assert tab().text == "Not now"
    assert tab().text == "No thanks"
    webdriver.ActionChains(browser).send_keys(Keys.SPACE).perform()
    assert tab().get_attribute("id") == "reason"
    webdriver.ActionChains(browser).send_keys("The pay").perform()
    assert tab().text == "Send: no thanks"
    body = browser.find_element(By.TAG_NAME, "body")
    webdriver.ActionChains(browser).send_keys(Keys.ENTER).perform()
    arrived(browser, body)
    answer = conversations.read(site.store, inmail, address=TO).answer
    assert (answer.kind, answer.reason, answer.text) == ("decline", "pay", "By keyboard")


def test_enter_chooses_nothing_wherever_it_is_pressed_in_a_field(scripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(scripted, WIDE)
    url = site.link(inmail)
    browser.get(url)
    browser.execute_script(
        "document.querySelectorAll('details').forEach(each => { each.removeAttribute('name'); each.open = true })"
    )
    before = dump(site.store)
    body = browser.find_element(By.TAG_NAME, "body")
    browser.find_element(By.ID, "text").send_keys("One", Keys.ENTER, "Two")
    browser.find_element(By.ID, "until").send_keys("02032027", Keys.ENTER)
    browser.find_element(By.ID, "reason").send_keys(Keys.ENTER, Keys.ESCAPE)
    assert browser.find_element(By.TAG_NAME, "body").id == body.id
    assert browser.find_element(By.ID, "text").get_attribute("value") == "One\nTwo"
    browser.get(f"{url}/choices")
    for name in ("address", "erase-address"):
        browser.find_element(By.ID, name).send_keys(TO, Keys.ENTER)
    assert browser.find_element(By.ID, "address").get_attribute("value") == TO
    assert dump(site.store) == before


def test_choices_are_made_and_unmade(unscripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(unscripted, PHONE)
    browser.get(site.link(inmail))
    browser.find_element(By.LINK_TEXT, "Your choices and your data").click()
    WebDriverWait(browser, 10, poll_frequency=0.05).until(lambda _: browser.title == "Your choices and your data")
    picture(browser, "choices-phone")
    press(browser, "No more from Harbour Talent")
    assert choices.stopped_sender(site.store, TO, "acme")
    press(browser, "Let Harbour Talent write to me again")
    assert not choices.stopped_sender(site.store, TO, "acme")
    browser.find_element(By.ID, "address").send_keys(TO)
    press(browser, "Show who wrote to me")
    assert "Site Reliability Engineer" in browser.find_element(By.TAG_NAME, "main").text


def test_a_page_fetches_nothing_but_itself(scripted: WebDriver, site: Site, inmail: str) -> None:
    browser = sized(scripted, PHONE)
    browser.get("about:blank")
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(site.link(inmail))
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if url.startswith("http")} <= {site.link(inmail), f"{site.url}/favicon.ico"}
    assert complaints(browser) == []


def test_the_pages_are_there_in_the_dark(site: Site, inmail: str) -> None:
    browser = sized(_browser(scripts=True), PHONE)
    try:
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        )
        browser.get(site.link(inmail))
        assert (
            browser.find_element(By.TAG_NAME, "body").value_of_css_property("background-color") == "rgba(21, 25, 27, 1)"
        )
        picture(browser, "inmail-dark-phone")
    finally:
        browser.quit()
