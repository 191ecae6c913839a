"""The report in a real browser: what is seen without a click, keys and clicks, no error, no request."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from hostile import ATTACK, FLOW

pytestmark = pytest.mark.services

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
]

FAILING = """
name: nightly
jobs:
  extract:
    strategy: {matrix: {region: [eu, us]}}
    stages: [{id: pull, bash: 'echo pulling ${{ matrix.region }}; sleep 0.1'}]
  quick: {stages: [{echo: quick}]}
  load:
    needs: [extract, quick]
    stages:
      - id: check
        bash: for n in $(seq 300); do echo row $n; done
      - id: copy
        bash: 'for n in $(seq 30); do echo copying $n; done; echo "disk full <&>" >&2; exit 5'
        retry: {attempts: 1, delay: 0.05}
  publish: {needs: [load], stages: [{echo: published}]}
"""
SWEEP = """
name: sweep
jobs:
  sweep:
    strategy: {matrix: {a: '${{ range(0, 200) }}', b: '${{ range(0, 100) }}'}, fail-fast: false}
    stages:
      - id: work
        condition: ${{ matrix.a == 150 and matrix.b == 77 }}
        raise: bad luck
"""

CONTRAST = """
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((each) => { each /= 255; return each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] > 0.99) return colour.slice(0, 3);
  }
  return [255, 255, 255];
};
const low = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || element.closest("svg, script, style") || !element.getClientRects().length) continue;
  const one = luminance(parse(getComputedStyle(element).color)), two = luminance(behind(element));
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  if (ratio < 4.5) low.push([element.tagName, element.className, element.textContent.slice(0, 30), ratio]);
}
return low;
"""


class Browser:
    """A page in Chromium; `close` fails on anything it complained about or asked of a network."""

    def __init__(self, driver: Any, page: Path) -> None:
        self.driver = driver
        driver.get_log("performance")
        driver.get_log("browser")
        driver.get(page.as_uri())

    def js(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.js(
            "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector
        )
        return found

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def until(self, what: Callable[[], Any]) -> Any:
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.driver, 20, 0.05).until(lambda _: what())

    def check_quiet(self) -> None:
        assert self.driver.get_log("browser") == []
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                asked.append(message["params"].get("request", message["params"])["url"])
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in asked if url.startswith("file:")]) == 1, "the page itself, once"


@pytest.fixture(scope="module", params=["light", "dark"])
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    binaries = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    for name, path in binaries.items():
        if path is None:
            pytest.skip(f"{name} is not installed here")
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(binaries["chromium"])
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(str(binaries["chromedriver"])))
    feature = {"name": "prefers-color-scheme", "value": request.param}
    made.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    yield made
    made.quit()


@pytest.fixture(scope="module")
def failing(reported_once: Any) -> Path:
    path: Path = reported_once.report(FAILING, "--max-parallel", "4")
    return path


@pytest.fixture
def browser(driver: Any, failing: Path) -> Iterator[Browser]:
    made = Browser(driver, failing)
    yield made
    made.check_quiet()


def test_the_failure_and_its_last_lines_are_seen_without_a_click(browser: Browser) -> None:
    assert browser.driver.title == "✗ nightly failed"
    seen = browser.js(
        "return [...document.querySelectorAll('.failure h3, .failure .message, .failure pre .err')].map((each) => {"
        " const box = each.getBoundingClientRect(); const top = document.elementFromPoint(box.x + 3, box.y + box.height / 2);"
        " return [each.textContent.trim(), box.bottom < innerHeight && (top === each || each.contains(top))]; })"
    )
    assert ["load › copy", True] in seen
    assert ["the script ended with exit code 5: disk full <&>", True] in seen
    assert ["disk full <&>", True] in seen


def test_the_timeline_begins_at_the_failure(browser: Browser) -> None:
    assert browser.texts(".row .text") == [
        "extract × 2",
        "quick",
        "load",
        "check",
        "copy 2 attempts",
        "publish",
    ]
    assert browser.texts(".row.active .text") == ["copy 2 attempts"]
    assert browser.texts(".row.critical > .who > .text") == ["extract × 2", "load"]
    assert browser.texts(".row .why") == ["rule all_success does not hold: load: failed"]
    assert browser.js("return document.querySelectorAll('.row.active .tick').length") == 1


def test_keys_move_open_close_and_show(browser: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.js("document.getElementById('rows').focus()")
    browser.press(Keys.HOME)
    assert browser.texts(".row.active .text") == ["extract × 2"]
    browser.press(Keys.RIGHT)
    assert browser.one(".row.active").get_attribute("aria-expanded") == "true"
    browser.press(Keys.DOWN, Keys.DOWN, Keys.RIGHT, Keys.DOWN, Keys.ENTER)
    assert browser.texts(".panel h3") == ["extract › region=us › pull"]
    assert "pulling us\n" in browser.texts(".panel pre")[0]
    browser.press(Keys.LEFT, Keys.LEFT)
    assert browser.one(".row.active").get_attribute("aria-expanded") == "false"
    browser.press(Keys.ESCAPE)
    assert browser.one("#panel").get_attribute("hidden") is not None
    grid = browser.one("#rows")
    assert grid.get_attribute("aria-activedescendant") == browser.one(".row.active").get_attribute("id")


def test_the_next_failure_and_its_log_with_times_and_a_search(browser: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.one("#next").click()
    assert browser.texts(".panel h3") == ["load › copy"]
    assert browser.texts(".panel .bad") == ["the script ended with exit code 5: disk full <&>"]
    assert not browser.one(".panel time").is_displayed()
    browser.one(".panel input[type=checkbox]").click()
    assert browser.one(".panel time").is_displayed()
    search = browser.one(".panel input[type=search]")
    search.send_keys("COPYING 3")
    assert browser.texts(".panel output") == ["4 found"]
    search.send_keys(Keys.ENTER, Keys.ENTER)
    assert browser.texts(".panel output") == ["2 of 4"]
    assert browser.texts(".panel mark.here") == ["copying 3"]


def test_a_search_finds_jobs_reasons_and_logs(browser: Browser) -> None:
    search = browser.one("#search")
    search.send_keys("row 299")
    browser.until(lambda: browser.texts("#count") == ["1 match"])
    assert browser.texts(".row .text") == ["load", "check"]
    search.clear()
    search.send_keys("all_success")
    browser.until(lambda: browser.texts(".row .text") == ["publish"])
    search.clear()
    search.send_keys("nothing of the kind")
    browser.until(lambda: browser.texts("#count") == ["nothing matches"])


def test_filters_by_status_and_the_critical_path(browser: Browser) -> None:
    failed = browser.one("[data-status=failed]")
    failed.click()
    assert failed.get_attribute("aria-pressed") == "true"
    assert browser.texts(".row.l1 .text") == ["load"]
    browser.one("[data-status=skip]").click()
    assert browser.texts(".row.l1 .text") == ["load", "publish"]
    failed.click()
    browser.one("[data-status=skip]").click()
    browser.one("#critical").click()
    assert browser.texts(".row.l1 .text") == ["extract × 2", "load"]


def test_zooming_makes_bars_longer_and_all_of_the_run_comes_back(browser: Browser) -> None:
    def width() -> float:
        found: float = browser.js(
            "return parseFloat(document.querySelector('.row.active .stripe').style.width)"
        )
        return found

    whole = width()
    browser.one("#zoom-in").click()
    assert width() > whole * 1.3
    browser.one("#zoom-all").click()
    assert width() == pytest.approx(whole)
    browser.js("document.getElementById('rows').focus()")
    browser.press("+")
    assert width() > whole * 1.3
    browser.press("0")
    assert width() == pytest.approx(whole)


def test_the_graph_shows_statuses_and_leads_to_the_job(browser: Browser) -> None:
    assert browser.js("return document.getElementById('job-load').classList.contains('s-failed')")
    box = browser.one("#job-publish")
    browser.js("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", box)
    assert browser.texts(".panel h3") == ["publish"]
    assert "needs load" in browser.texts(".panel .dim")


def test_every_text_can_be_read_and_every_control_has_a_name(browser: Browser) -> None:
    browser.one("#next").click()
    assert browser.js(CONTRAST) == []
    nameless = browser.js(
        "return [...document.querySelectorAll('button, input, [role=treegrid], [role=img]')].filter((each) =>"
        " !(each.getAttribute('aria-label') || each.textContent.trim() || each.closest('label'))).map((each) => each.outerHTML)"
    )
    assert nameless == []
    assert browser.js("return document.querySelectorAll('h1').length") == 1
    ids = browser.js("return [...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))


def test_print_has_the_failure_and_a_table_of_all_jobs(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.one(".static table").is_displayed()
        assert browser.one(".failure").is_displayed()
        assert not browser.one("#rows").is_displayed()
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_narrow_window_has_no_sideways_scroll(browser: Browser) -> None:
    browser.driver.set_window_size(520, 900)
    try:
        browser.one("#next").click()
        assert (
            browser.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            == 0
        )
    finally:
        browser.driver.set_window_size(1400, 1000)


def test_hostile_texts_are_shown_and_nothing_of_them_runs(driver: Any, reported: Any) -> None:
    browser = Browser(driver, reported.report(FLOW, "-p", f"word={ATTACK}"))
    browser.one("#next").click()
    assert browser.js("return document.title").startswith("✗ evil </title><script>")
    assert browser.js("return document.querySelectorAll('script').length") == 2
    assert browser.js("return document.querySelectorAll('body img').length") == 0
    assert any("<img src=x onerror=" in text for text in browser.texts(".panel h3"))
    browser.js("document.querySelectorAll('.row .twist').forEach((each) => each.click())")
    browser.check_quiet()


def test_twenty_thousand_combinations_scroll_like_twenty(driver: Any, reported: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    path = reported.report(SWEEP)
    assert path.stat().st_size < 8_000_000
    browser = Browser(driver, path)
    assert browser.one("#rows").get_attribute("aria-rowcount") == "20002"
    assert browser.texts(".row.active .text") == ["work"]
    assert browser.js("return document.querySelectorAll('.row').length") < 100
    browser.js("document.getElementById('rows').scrollTop = 1e9")
    browser.until(lambda: "a=199, b=99" in browser.texts(".row .text"))
    assert browser.js("return document.querySelectorAll('.row').length") < 100
    browser.one("#search").send_keys("a=7, b=5")
    browser.until(lambda: browser.texts("#count") == ["11 matches"])
    browser.one("#search").send_keys(Keys.ESCAPE)
    browser.until(lambda: browser.texts("#count") == [""])
    browser.one("[data-status=failed]").click()
    browser.until(lambda: browser.one("#rows").get_attribute("aria-rowcount") == "3")
    browser.check_quiet()
