"""A page of posts, whose node is set in views.py."""

import flask

app = flask.Flask(__name__)

from app import views  # noqa: E402, F401
