import os


def test_metrics_are_shown_with_the_token(db, client):
    token = os.environ["STOCKHUB_METRICS_TOKEN"]
    page = client.get("/stockhub/metrics", headers={"authorization": f"Bearer {token}"})
    assert "stockhub_webhooks_open_messages 0.0" in page.content.decode()


def test_own_page_shows_what_stands_in_tables(db, monkeypatch, tmp_path):
    from shop.views import own_page

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert b"stockhub_webhooks_open_messages 0.0" in own_page()
