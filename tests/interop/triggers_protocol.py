"""What the triggers framework 2.0.0 does with Django's cache and python-redis-lock, which are the
real ones here.

The framework itself is not on the Python package index; the package `triggers` there is another
project. So this is written from the reference: the storage (load, lock, save) and those calls of the
manager that an operator makes, under the framework's own names. With the framework on PYTHONPATH
with_triggers.py uses that instead, and the same tests hold. Dispatching to a worker is not here.
"""

import contextlib
import datetime

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from redis_lock import Lock

RESOLVED = {"abandoned", "finished", "skipped", "replayed"}


class LockAcquisitionFailed(RuntimeError):
    pass


class Instance:
    FIELDS = {"abandonState", "kwargs", "metadata", "status", "task"}

    def __init__(self, name, config, stored):
        unknown = set(stored) - self.FIELDS
        if unknown:
            raise TypeError(f"unexpected keyword argument {unknown}")
        self.name, self.task, self.config = name, stored["task"], config
        self.status = stored.get("status") or "unstarted"
        self.metadata = stored.get("metadata") or {}
        self.kwargs = stored.get("kwargs") or {}
        self.abandon_state = set(stored.get("abandonState") or ())

    @property
    def can_run(self):
        return self.status == "unstarted" and set(self.config["after"]) <= set(self.kwargs)

    @property
    def is_resolved(self):
        return self.status in RESOLVED

    def touch(self, status=None):
        now = datetime.datetime.utcnow()
        stamps = self.metadata.setdefault("timestamps", {})
        stamps.setdefault("created", now)
        stamps["lastModified"] = now
        if status:
            stamps[status] = now

    def serialize(self):
        return {"abandonState": list(self.abandon_state), "kwargs": self.kwargs,
                "metadata": self.metadata, "status": self.status, "task": self.task}


class CacheStorageBackend:
    """One session: a dict in Django's cache, guarded by a lock in the Redis of the default cache."""

    def __init__(self, uid, cache=DEFAULT_CACHE_ALIAS, timeout=DEFAULT_TIMEOUT):
        self.uid, self.cache, self.timeout = uid, caches[cache], timeout
        self.cache_key = "triggers.storages.cache:" + uid
        self.has_lock = self.loaded = False

    @contextlib.contextmanager
    def acquire_lock(self, ttl=True, block=True):
        if self.has_lock:
            yield self
            return
        default = caches[DEFAULT_CACHE_ALIAS]
        lock = Lock(default.client.get_client(), f"triggers:{self.uid}:lock",
                    expire=default.default_timeout if ttl is True else ttl)
        if not lock.acquire(blocking=block):
            raise LockAcquisitionFailed(self.uid)
        try:
            self.has_lock, self.loaded = True, False
            yield self
        finally:
            self.has_lock = False
            lock.release()

    def _load(self):
        if self.loaded:
            return
        stored = self.cache.get(self.cache_key) or {}
        self._tasks = stored.get("tasks") or {}
        self._metas = stored.get("metas") or {}
        self._metas.setdefault("latest_kwargs", {})
        for task in self._tasks.values():
            task["after"], task["run"]  # neither may be missing
        self._instances = {name: Instance(name, self._tasks[instance["task"]], instance)
                           for name, instance in (stored.get("instances") or {}).items()
                           if self._tasks}
        self.loaded = True

    @property
    def instances(self):
        self._load()
        return self._instances

    @property
    def tasks(self):
        self._load()
        return self._tasks

    @property
    def latest_kwargs(self):
        self._load()
        return self._metas["latest_kwargs"]

    def __getitem__(self, name):
        return self.instances[name]

    def get_unresolved_instances(self):
        return [instance for instance in self.instances.values() if not instance.is_resolved]

    def create_instance(self, task, **stored):
        number = sum(instance.task == task for instance in self.instances.values())
        name = f"{task}#{number}"
        self.instances[name] = Instance(name, self.tasks[task], dict(stored, task=task))
        return self.instances[name]

    def save(self):
        if not self.has_lock:
            raise RuntimeError("You must ``acquire_lock`` before saving!")
        if self.loaded:
            self.cache.set(self.cache_key, {
                "tasks": self._tasks,
                "instances": {name: instance.serialize()
                              for name, instance in self._instances.items()},
                "metas": self._metas}, self.timeout)


class TriggerManager:
    def __init__(self, storage):
        self.storage = storage

    def update_configuration(self, configuration):
        with self.storage.acquire_lock() as storage:
            for name, task in configuration.items():
                known = {"after": [], "unless": [], "andEvery": None, "run": None, "using": None,
                         "withParams": {}}
                own = {key: value for key, value in task.items() if key not in known}
                storage.tasks[name] = dict(own, **{key: task.get(key, value)
                                                   for key, value in known.items()})
            storage.save()

    def fire(self, trigger, kwargs=None):
        with self.storage.acquire_lock() as storage:
            ready = []
            for name, task in storage.tasks.items():
                if trigger not in task["after"]:
                    continue
                instances = [instance for instance in storage.instances.values()
                             if instance.task == name]
                if not instances:
                    fired = {other: storage.latest_kwargs[other] for other in task["after"]
                             if other in storage.latest_kwargs}
                    instances = [storage.create_instance(name, kwargs=fired)]
                for instance in instances:
                    if instance.status == "unstarted":
                        instance.kwargs.setdefault(trigger, kwargs or {})
                    if instance.can_run:
                        ready.append(instance)
            storage.latest_kwargs[trigger] = kwargs or {}
            storage.save()
            for instance in ready:
                self._schedule_task(instance)

    def update_instance_status(self, instance, status, metadata=None, cascade=False, cascade_kwargs=None):
        with self.storage.acquire_lock() as storage:
            instance = storage[getattr(instance, "name", instance)]
            instance.status = status
            instance.metadata.update(metadata or {})
            instance.touch(status)
            storage.save()
        if cascade:
            self.fire(instance.task, cascade_kwargs)

    def replay_failed_instance(self, name, replacement_kwargs=None):
        with self.storage.acquire_lock() as storage:
            failed = storage[name]
            if failed.status != "failed":
                raise ValueError(f"{name} cannot be replayed!")
            failed.status = "replayed"
            clone = storage.create_instance(
                failed.task, abandonState=failed.abandon_state, kwargs=failed.kwargs,
                metadata={"depth": failed.metadata.get("depth", 0) + 1, "parent": name})
            if replacement_kwargs is not None:
                clone.kwargs = replacement_kwargs
            storage.save()
            self._schedule_task(clone)

    def skip_failed_instance(self, name, cascade=False, result=None):
        if self.storage[name].status != "failed":
            raise ValueError(f"{name} cannot be skipped!")
        self.update_instance_status(name, "skipped", cascade=cascade, cascade_kwargs=result or {},
                                    metadata={"cascade": cascade, "result": result or {}})

    def mark_instance_logs_resolved(self, name):
        with self.storage.acquire_lock() as storage:
            storage[name].metadata["logsResolved"] = True
            storage[name].touch()
            storage.save()
