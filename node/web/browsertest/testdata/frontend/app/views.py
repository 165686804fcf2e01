"""What the front-end asks its node for, and the page that shows it."""

from datetime import datetime

import flask
import requests

from app import app

CONNECTED_NODE_ADDRESS = "http://127.0.0.1:8000"

PAGE = """<!doctype html>
<title>Posts</title>
<form action="/submit" method="post">
<textarea name="content"></textarea>
<input name="author">
<input type="submit" value="Post">
</form>
<a href="{{ node }}/mine" target="_blank">Mine</a>
<a href="/">Resync</a>
{% for tx, block in posts %}
<p>{{ tx["author"][0] }} {{ tx["author"] }}, {{ at(tx["timestamp"]).strftime("%H:%M") }},
block {{ block["index"] }} on {{ block["previous_hash"] }}: {{ tx["content"] }}</p>
{% endfor %}
"""


@app.get("/")
def show_posts():
    """Shows the posts of the chain, the latest first."""
    answer = requests.get(CONNECTED_NODE_ADDRESS + "/chain", timeout=60)
    blocks = answer.json()["chain"] if answer.status_code == 200 else []
    posts = [(tx, block) for block in blocks for tx in block["transactions"]]
    posts.sort(key=lambda post: post[0]["timestamp"], reverse=True)
    return flask.render_template_string(
        PAGE, posts=posts, node=CONNECTED_NODE_ADDRESS, at=datetime.fromtimestamp
    )


@app.post("/submit")
def submit():
    """Hands a post to the node, and ignores what the node says."""
    post = {name: flask.request.form[name] for name in ("author", "content")}
    requests.post(CONNECTED_NODE_ADDRESS + "/new_transaction", json=post, timeout=60)
    return flask.redirect("/")
