"""Signs of a slow start."""

from __future__ import annotations

from apphealth.lint.subject import RawContainer

_IMAGES = frozenset(
    {
        "keycloak", "elasticsearch", "opensearch", "jenkins", "sonarqube", "wildfly", "tomcat", "kafka", "cassandra",
        "neo4j", "confluence", "jira", "nexus3", "solr", "activemq", "artemis",
    }
)  # fmt: skip
"""Last parts of the names of images that run a JVM."""
_VARIABLES = ("SPRING_", "JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JVM_OPTS", "CATALINA_OPTS")
"""Prefixes of the variables that a JVM, or a framework on it, reads."""


def slow_start(container: RawContainer) -> str:
    """Return the sign that a container starts slowly, or an empty text."""
    model = container.model
    if model is None:
        return ""
    name = image_name(model.image)
    if name in _IMAGES:
        return f"the image {name}"
    if variable := next((env.name for env in model.env if env.name.startswith(_VARIABLES)), ""):
        return f"a JVM (env {variable})"
    words = (*model.command, *model.args)[:64]
    if any(word.rpartition("/")[2] == "java" or word.endswith(".jar") for word in words):
        return "a JVM (java in its command)"
    return ""


def image_name(image: str) -> str:
    """Return the last part of an image's name, without registry, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]
