"""The check of links to other sites, tried on a site of this machine."""

import http.server
import threading

import pytest
from conftest import copy_tiny_book, run_script


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = {"/here": 200, "/old": 301}.get(self.path, 404)
        self.send_response(status)
        if status == 301:
            self.send_header("Location", "/here")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


@pytest.fixture
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_link_that_leads_nowhere_is_named_with_its_page_and_line(address, tmp_path):
    book = copy_tiny_book(tmp_path / "book")
    (book.root / "book" / "references.bib").write_text("", "utf-8")  # asks no site but ours
    (book.root / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    page = book.source("book/index")
    page.write_text(f"# Links\n\n[here]({address}/here), [old]({address}/old).\n", "utf-8")
    output = run_script("links.py", "--root", book.root)
    assert output.code == 0, output.text
    assert "2 links, 0 broken" in output.text
    assert f"book/index.md:3: {address}/old moved to {address}/here" in output.text
    page.write_text(page.read_text("utf-8") + f"\n[gone]({address}/gone)\n", "utf-8")
    output = run_script("links.py", "--root", book.root)
    assert output.code == 1
    assert f"book/index.md:5: broken: {address}/gone (404" in output.text
