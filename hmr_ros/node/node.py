"""``hmr_node``: camera topic in, people out."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from hmr_ros.node import qos
from hmr_ros.node.camera_info import CameraSource
from hmr_ros.node.compressed_image import decode_compressed
from hmr_ros.node.declaration import checker, declare, settings_of
from hmr_ros.node.depth_image import DepthBuffer
from hmr_ros.node.diagnostics import Diagnostics
from hmr_ros.node.health import Health
from hmr_ros.node.image_decoding import decode_image
from hmr_ros.node.inputs import Inputs
from hmr_ros.node.odometry import Odometry
from hmr_ros.node.outputs import Outputs
from hmr_ros.node.processing import Processing
from hmr_ros.node.throttle import Throttle
from hmr_ros.node.worker import Worker

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
PAUSE_S = 3.0  # a transition should answer within the 5 s that lifecycle managers wait
STOP_S = 4.0
DIAGNOSTICS_PERIOD_S = 1.0


def load_pipeline(settings: SimpleNamespace):
    from hmr_ros.pipeline import Pipeline

    return Pipeline(settings)


class HmrNode(LifecycleNode):
    """Configured: networks loaded, publishers there. Active: subscribed to the camera.

    The executor's thread only moves messages into the worker's slot; decoding, inference and
    publishing happen in the worker's thread.
    """

    def __init__(self, make_pipeline: Callable = load_pipeline, **options) -> None:
        super().__init__("hmr_node", **options)
        declare(self)
        self._make_pipeline = make_pipeline
        self._worth_saying = Throttle()
        self.health = Health()
        self.settings: SimpleNamespace | None = None
        # Triggered from the worker's thread; only the executor's makes transitions.
        self._device_failed = self.create_guard_condition(self._recover)
        self._forget_session()
        self._diagnostics = Diagnostics(self.get_fully_qualified_name().lstrip("/"))
        self._diagnostics_publisher = self.create_publisher(
            DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS
        )
        # Steady time: with use_sim_time and no /clock a timer on ROS time would never fire.
        self.create_timer(
            DIAGNOSTICS_PERIOD_S, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self.add_on_set_parameters_callback(
            checker(lambda: self.settings is not None, self._apply_live)
        )

    def start(self) -> None:
        """Configure and activate, unless a lifecycle manager is to do it."""
        if self.get_parameter("autostart").value and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.health = Health()
        try:
            settings = settings_of(self)
            self._pipeline = pipeline = self._make_pipeline(settings)
            self._outputs = outputs = Outputs(self, pipeline.body, settings)
            pipeline.warm_up()
            outputs.warm_up()
        except Exception as error:
            # Whatever the cause (a file, a backend), the node stays and can be configured again.
            self.close()
            return self._fault(f"cannot configure: {error}", FAILURE)
        compressed = settings.image_transport == "compressed"
        self.settings = settings
        self._camera = CameraSource(self.resolve_topic_name("camera_info"))
        self._depth = DepthBuffer()
        if settings.odometry_frame:
            self._odometry = Odometry(settings, self.health, self._warn)
        self._processing = Processing(
            pipeline,
            settings,
            decode_compressed if compressed else decode_image,
            self._camera,
            self._depth,
            self._odometry,
            outputs,
            self.health,
            self._warn,
            self._device_failed.trigger,
        )
        self._worker = Worker(self._processing, self._processing.failed, name="inference")
        self._source = f"{settings.estimator} on {pipeline.body.name}"
        served = pipeline.serving.served
        self.get_logger().info(f"configured: {self._source}: {served}")
        if served.note:
            self.get_logger().warning(served.note)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self._processing.restart()
        self._worker.accept()
        try:
            self._inputs = Inputs(
                self,
                self.settings,
                self._camera,
                self._depth,
                self._odometry,
                self.health,
                self._worker.put,
            )
        except Exception as error:  # rclpy would turn it into a failure without a word
            return self._fault(f"cannot activate: {error}", TransitionCallbackReturn.ERROR)
        self.get_logger().info(f"active: listening to {self._inputs.image.topic}")
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self._processing.broken:
            text = f"{self.health.failure}; the backend was given back, configure to try again"
            return self._fault(text, TransitionCallbackReturn.ERROR)
        self._inputs.destroy()
        self._inputs = None
        if not self._worker.pause(PAUSE_S):
            self.get_logger().warning("the image being worked on will end later, unpublished")
        self._outputs.clear_markers()
        self._camera.forget()
        self._depth.clear()
        if self._odometry is not None:
            self._odometry.clear()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.close()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.close()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Back to unconfigured, from where configuring may succeed again: all that was on a device
        is given back and made anew."""
        self.close()
        return SUCCESS

    def close(self) -> None:
        """End the worker and give everything back that configuring took."""
        if self._inputs is not None:
            self._inputs.destroy()
        if self._worker is not None and not self._worker.stop(STOP_S):
            self.get_logger().error("the inference thread does not end; it is left behind")
        elif self._pipeline is not None:
            self._pipeline.close()
        if self._outputs is not None:
            self._outputs.destroy()
        self._forget_session()

    def _forget_session(self) -> None:
        self.settings = self._outputs = self._inputs = None
        self._worker = self._processing = self._camera = self._depth = self._pipeline = None
        self._odometry = None
        self._source = ""

    def _fault(self, text: str, result: TransitionCallbackReturn) -> TransitionCallbackReturn:
        self.health.fault = text
        self.get_logger().error(text)
        return result

    def _recover(self) -> None:
        """The device failed: through the error state to unconfigured. A node that started by itself
        starts again, but not if the device failed before it answered to any image."""
        # Deactivated meanwhile: the next image tells if it still fails. Or told once more, by an
        # image that failed while the device was given back.
        if self._inputs is None or not self._processing.broken:
            return
        failure, answered = self.health.failure, self.health.processed > 0
        self.trigger_deactivate()
        if self.get_parameter("autostart").value and answered:
            self.start()
            self.health.failure = failure

    def _apply_live(self, name: str, value: object) -> None:
        if self.settings is not None:
            setattr(self.settings, name, value)

    def _warn(self, text: str) -> None:
        # While shutting down, the last image cannot be published.
        if self.context.ok() and self._worth_saying(text):
            self.get_logger().warning(text)

    def _on_timer(self) -> None:
        problem = ""
        if self._inputs is not None:
            problem = self._inputs.follow_publishers()
        state = "active" if self._inputs else "inactive" if self.settings else "unconfigured"
        dropped = self._worker.dropped if self._worker else 0
        self._diagnostics_publisher.publish(
            self._diagnostics.message(
                self.get_clock().now().to_msg(),
                state,
                self.health,
                dropped,
                self._source,
                self._pipeline.serving.served if self._pipeline else None,
                problem,
            )
        )
