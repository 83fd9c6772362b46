"""A rule by which many require one Service says so, as long as it is so."""


def test_a_rule_by_which_many_require_one_service_says_so(shop, run_operator):
    names = ["web", "orders", "stock"]
    for name in names:
        shop.deployment(name)
    shop.service("users")
    services = [{"name": "users", "required": True}]
    shop.rule(preset="flask-management-endpoints", dependencies={"services": services})
    run_operator(f"--namespace={shop.namespace}")  # so that the workloads of other tests don't count
    shop.until(lambda: shop.condition("SharedDependency") == ("True", "RequiredByMany"), "the rule says so")
    message = next(one["message"] for one in shop.status()["conditions"] if one["type"] == "SharedDependency")
    assert message.startswith(f"3 of 3 workloads require {shop.namespace}/users;")
    shop.change_rule(dependencies={"services": [{"name": "users"}]})
    shop.until(lambda: shop.condition("SharedDependency") is None, "it doesn't any more")
    assert shop.condition("Ready") is not None
